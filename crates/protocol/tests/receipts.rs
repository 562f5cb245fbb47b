//! The binary tree, and the receipts made of it.

use protocol::receipt::{command_path, command_root};
use protocol::*;

fn items(count: usize) -> Vec<Hash> {
    (0..count).map(|i| keccak256(&[&i.to_be_bytes()])).collect()
}

fn leaves(count: usize) -> Vec<Hash> {
    items(count).iter().map(|item| merkle::leaf(&item.0)).collect()
}

#[test]
fn small_trees_have_the_shape_of_the_specification() {
    let leaf = leaves(5);
    let pair = |a: &Hash, b: &Hash| keccak256(&[&[1], &a.0, &b.0]);
    assert_eq!(leaf[0], keccak256(&[&[0], &items(1)[0].0]));
    assert_eq!(merkle::root(&[]), Hash::ZERO);
    assert_eq!(merkle::root(&leaf[..1]), leaf[0]);
    assert_eq!(merkle::root(&leaf[..2]), pair(&leaf[0], &leaf[1]));
    assert_eq!(merkle::root(&leaf[..3]), pair(&pair(&leaf[0], &leaf[1]), &leaf[2]));
    let four = pair(&pair(&leaf[0], &leaf[1]), &pair(&leaf[2], &leaf[3]));
    assert_eq!(merkle::root(&leaf[..4]), four);
    assert_eq!(merkle::root(&leaf), pair(&four, &leaf[4]));
    assert_eq!(merkle::proof(&leaf, 4), Some(vec![four]), "a promoted leaf has one sibling");
}

#[test]
fn every_leaf_is_proved_at_its_own_place_only() {
    for count in 1..=33 {
        let leaves = leaves(count);
        let root = merkle::root(&leaves);
        for index in 0..count {
            let path = merkle::proof(&leaves, index).expect("there is such a leaf");
            let (bits, len) = merkle::directions(index, count).expect("there is such a leaf");
            assert_eq!(path.len(), len as usize);
            assert_eq!(merkle::fold(&leaves[index], bits, &path), root);
            for place in 0..=count {
                let proved = merkle::verify(&root, &leaves[index], place, count, &path);
                assert_eq!(proved, place == index, "leaf {index} of {count} at {place}");
            }
            let mut longer = path.clone();
            longer.push(Hash::ZERO);
            assert!(!merkle::verify(&root, &leaves[index], index, count, &longer));
            for level in 0..path.len() {
                let mut wrong = path.clone();
                wrong[level].0[31] ^= 1;
                assert!(!merkle::verify(&root, &leaves[index], index, count, &wrong));
                assert!(!merkle::verify(&root, &leaves[index], index, count, &path[..level]));
            }
        }
        assert_eq!(merkle::proof(&leaves, count), None);
        assert_eq!(merkle::directions(count, count), None);
    }
}

#[test]
fn an_inner_node_is_no_leaf() {
    let leaves = leaves(2);
    let forged = merkle::leaf(&[leaves[0].0, leaves[1].0].concat());
    assert_ne!(forged, merkle::root(&leaves));
}

const OPERATOR: [u8; 32] = [9; 32];

fn domain() -> Domain {
    Domain::new(31_337, Address([0x5f; 20]))
}

fn receipt(index: usize) -> Receipt {
    let hashes = items(5);
    let frame = Frame {
        epoch: 2,
        frame: 40,
        first_sequence: 1_000,
        count: 5,
        command_root: command_root(&hashes),
        chain_hash: Hash([3; 32]),
    };
    let signature = sign(&frame_digest(&frame, &domain()), &OPERATOR).expect("a key");
    let path = command_path(&hashes, index).expect("there is such a command");
    Receipt { frame, signature, sequence: 1_000 + index as u64, command_hash: hashes[index], path }
}

#[test]
fn a_receipt_proves_one_command_at_one_sequence() {
    let operator = address_of(&OPERATOR).expect("a key");
    for index in 0..5 {
        assert_eq!(receipt(index).verify(&operator, &domain()), Ok(()));
    }
    let moved = Receipt { sequence: 1_002, ..receipt(1) };
    assert_eq!(moved.verify(&operator, &domain()), Err(ReceiptError::Path));
    let other = Receipt { command_hash: Hash([1; 32]), ..receipt(1) };
    assert_eq!(other.verify(&operator, &domain()), Err(ReceiptError::Path));
    for sequence in [999, 1_005] {
        let outside = Receipt { sequence, ..receipt(1) };
        let error = ReceiptError::Sequence { sequence, first: 1_000, count: 5 };
        assert_eq!(outside.verify(&operator, &domain()), Err(error));
    }
}

#[test]
fn a_receipt_is_the_operators_or_none() {
    let operator = address_of(&OPERATOR).expect("a key");
    let stranger = address_of(&[8; 32]).expect("a key");
    let is_mismatch =
        |result| matches!(result, Err(ReceiptError::Signature(SignatureError::Mismatch { .. })));
    assert!(is_mismatch(receipt(0).verify(&stranger, &domain())));
    assert!(is_mismatch(receipt(0).verify(&operator, &Domain::new(1, Address([0x5f; 20])))));
    let mut altered = receipt(0);
    altered.frame.chain_hash = Hash::ZERO;
    assert!(is_mismatch(altered.verify(&operator, &domain())));
    altered.frame.epoch += 1;
    assert!(altered.verify(&operator, &domain()).is_err());
}
