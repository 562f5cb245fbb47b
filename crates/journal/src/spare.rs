//! The next segment, made by a thread of its own while the current one fills up.

use std::io;
use std::thread::JoinHandle;

use crate::disk::Disk;
use crate::segment;

/// Where the next segment comes from.
pub(crate) struct Spare<D: Disk> {
    disk: D,
    ahead: bool,
    thread: Option<JoinHandle<io::Result<D::File>>>,
}

impl<D: Disk> Spare<D> {
    /// With `ahead`, segments are made before they are needed.
    pub(crate) fn new(disk: D, ahead: bool) -> Self {
        Self { disk, ahead, thread: None }
    }

    /// Starts to make segment `number`, unless that has begun.
    pub(crate) fn begin(&mut self, number: u64, bytes: u64) {
        if self.ahead && self.thread.is_none() {
            let disk = self.disk.clone();
            self.thread = Some(std::thread::spawn(move || segment::prepare(&disk, number, bytes)));
        }
    }

    /// The file of zeros for segment `number`: the one being made, else made now.
    pub(crate) fn take(&mut self, number: u64, bytes: u64) -> io::Result<D::File> {
        match self.thread.take() {
            Some(thread) => thread.join().expect("making a segment does not panic"),
            None => segment::prepare(&self.disk, number, bytes),
        }
    }
}

impl<D: Disk> Drop for Spare<D> {
    /// Waits for the thread: nothing of this writer may touch the directory once its lock is gone. The leftover
    /// is removed at the next opening.
    fn drop(&mut self) {
        if let Some(thread) = self.thread.take() {
            drop(thread.join());
        }
    }
}
