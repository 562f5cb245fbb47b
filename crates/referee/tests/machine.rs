//! The machine, its values and its witnesses, without any contract of the repository.

use protocol::Hash;
use referee::abi::{Parameter, Type, decode, describe, encode, hex, unhex};
use referee::trials::Follower;
use referee::witness_tree::Parts;
use referee::{Evm, Failure, Value, trials};

fn word(name: &str) -> Type {
    Type::Word(name.into())
}

fn parameter(name: &str, kind: Type) -> Parameter {
    Parameter { name: name.into(), kind, declared: String::new() }
}

/// `f((uint256,bytes,int8[]),bool)`, whose layout the ABI's documentation fixes.
#[test]
fn values_are_encoded_as_the_abi_says() {
    let step = Value::Tuple(vec![
        Value::uint(7),
        Value::Bytes(b"abc".to_vec()),
        Value::List(vec![Value::int(-1), Value::int(2)]),
    ]);
    let values = vec![step, Value::flag(true)];
    let mut expected = String::new();
    for number in [0x40, 1, 7, 0x60, 0xa0, 3] {
        expected += &format!("{number:064x}");
    }
    expected += &format!("616263{}", "0".repeat(58));
    expected += &format!("{:064x}{}{:064x}", 2, "f".repeat(64), 2);
    let encoded = encode(&values);
    assert_eq!(hex(&encoded), expected);

    let fields = vec![
        parameter("number", word("uint256")),
        parameter("data", Type::Bytes),
        parameter("list", Type::Array(Box::new(word("int8")), None)),
    ];
    let types = [parameter("step", Type::Tuple(fields)), parameter("flag", word("bool"))];
    assert_eq!(decode(&types, &encoded), Some(values.clone()));
    assert_eq!(decode(&types, &encoded[..encoded.len() - 32]), None);
    assert_eq!(describe(&types, &values), "step: (number: 7, data: 0x616263, list: [-1, 2]), flag: true");
}

/// Code that returns the hash of its calldata, and one that reverts with it.
#[test]
fn calls_return_revert_and_tell_what_was_hashed() {
    let body = |last: u8| {
        let code = [0x36, 0x5f, 0x5f, 0x37, 0x36, 0x5f, 0x20, 0x5f, 0x52, 0x60, 0x20, 0x5f, last];
        // Creation code: copies the thirteen bytes behind itself, and returns them.
        [&[0x60, 13, 0x60, 9, 0x5f, 0x39, 0x60, 13, 0x5f, 0xf3][..], &code].concat()
    };
    let create = |last| {
        let mut code = body(last);
        code[3] = 10;
        code
    };
    let mut evm = Evm::new();
    let (address, size) = evm.deploy(create(0xf3)).expect("it returns code");
    assert_eq!(size, 13);
    let hash = protocol::keccak256(&[b"hello"]);
    let (outcome, trace) = evm.call_traced(address, b"hello".to_vec());
    assert_eq!(outcome.result, Ok(hash.0.to_vec()));
    assert_eq!(trace.hashes.preimage(&hash), Some(&b"hello"[..]));
    assert_eq!(trace.hashes.preimage(&Hash::ZERO), None);
    // 21,000, five bytes of calldata at the floor's 40.
    assert_eq!(outcome.gas, 21_000 + 5 * 40);
    assert!(outcome.execution_gas < 200);

    let (address, _) = evm.deploy(create(0xfd)).expect("it returns code");
    let outcome = evm.call(address, b"hello".to_vec());
    assert_eq!(outcome.result, Err(Failure::Reverted(hash.0.to_vec())));
}

#[test]
fn digits_are_bytes() {
    assert_eq!(unhex("0x00ff10"), Some(vec![0, 255, 16]));
    assert_eq!(unhex("0x0"), None);
    assert_eq!(unhex("zz"), None);
}

/// Every witness is one, comes back from its parts, and shows the root before its step; the steps of a command hang
/// together.
#[test]
fn witnesses_show_the_root_before_their_step() {
    let mut follower = Follower::new();
    let mut steps = 0;
    for record in trials::venue(3, 120).records {
        let mut root = follower.replica_mut().state_root();
        let trials = follower.next(&record).expect("the venue accepted it");
        let last = trials.len() - 1;
        for trial in trials {
            let parts = Parts::from_bytes(&trial.witness).expect("it is a witness");
            assert_eq!(parts.to_bytes(), trial.witness);
            let roots = [0, 1, 2, 3, 4].map(|tree: usize| match &parts.trees[tree] {
                Some(node) => node.hash(),
                None => Hash::ZERO,
            });
            assert_eq!(commitment::state::state_root(&roots), trial.claim.root_before, "{}", trial.name());
            assert_eq!(trial.claim.root_before, root, "{}", trial.name());
            assert_eq!((trial.claim.first, trial.claim.last), (trial.index == 0, trial.index == last));
            root = trial.claim.root_after;
            steps += 1;
        }
        assert_eq!(root, follower.replica_mut().state_root());
    }
    assert!(steps > 80, "{steps}");
}
