//! What a contract hashed: the preimages of its KECCAK256 instructions. The trees that a verifier ends with can be read
//! from them, though it returns a root only.

use protocol::{Hash, keccak256};
use revm::Inspector;
use revm::bytecode::opcode::KECCAK256;
use revm::interpreter::Interpreter;
use revm::interpreter::interpreter_types::Jumps;
use std::collections::HashMap;

/// Preimages by hash.
#[derive(Debug, Clone, Default)]
pub struct Hashes(HashMap<Hash, Vec<u8>>);

impl Hashes {
    /// What hashes to `hash`, if it was hashed.
    #[must_use]
    pub fn preimage(&self, hash: &Hash) -> Option<&[u8]> {
        self.0.get(hash).map(Vec::as_slice)
    }
}

impl<C> Inspector<C> for Hashes {
    fn step(&mut self, interpreter: &mut Interpreter, _: &mut C) {
        if interpreter.bytecode.opcode() != KECCAK256 {
            return;
        }
        let operand = |at| interpreter.stack.peek(at).ok().and_then(|word| usize::try_from(word).ok());
        let (Some(offset), Some(length)) = (operand(0), operand(1)) else { return };
        let memory = interpreter.memory.context_memory();
        // Memory behind what was touched so far is zeros, and too far away runs out of gas.
        if length <= memory.len() {
            let touched = memory.get(offset..).unwrap_or_default();
            let mut bytes = touched[..length.min(touched.len())].to_vec();
            bytes.resize(length, 0);
            self.0.insert(keccak256(&[&bytes]), bytes);
        }
    }
}
