//! Which way contracts went wherever they could go two.

use protocol::Address;
use revm::Inspector;
use revm::bytecode::opcode::JUMPI;
use revm::interpreter::Interpreter;
use revm::interpreter::interpreter_types::Jumps;
use std::collections::BTreeSet;

/// A contract, a place in its code, and whether it jumped there.
pub type Branch = (Address, usize, bool);

/// The ways of one call.
#[derive(Debug, Clone, Default)]
pub struct Branches(pub BTreeSet<Branch>);

impl<C> Inspector<C> for Branches {
    fn step(&mut self, interpreter: &mut Interpreter, _: &mut C) {
        if interpreter.bytecode.opcode() != JUMPI {
            return;
        }
        let Ok(condition) = interpreter.stack.peek(1) else { return };
        let contract = Address(interpreter.input.target_address.into_array());
        self.0.insert((contract, interpreter.bytecode.pc(), !condition.is_zero()));
    }
}
