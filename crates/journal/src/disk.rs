//! What the journal asks of a disk: one directory of files, with the guarantees it relies on spelled out.

use std::io;
use std::path::PathBuf;

use crate::error::IoFailure;

/// How a file is opened.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Access {
    /// Reading only.
    Read,
    /// Reading and writing.
    Write,
}

/// One directory. Nothing but [`Disk::sync_directory`] makes a name durable, and nothing but
/// [`DiskFile::sync`] a file's bytes.
pub trait Disk: Clone + Send + Sync + 'static {
    /// An open file.
    type File: DiskFile;
    /// Held for as long as this process is the writer.
    type Lock: Send;

    /// Where `name` lies, for messages.
    fn path(&self, name: &str) -> PathBuf;

    /// Becomes the only writer.
    ///
    /// # Errors
    /// `WouldBlock` while another writer holds the lock.
    fn lock(&self) -> io::Result<Self::Lock>;

    /// The names in the directory, in any order.
    ///
    /// # Errors
    /// Whatever the system says.
    fn names(&self) -> io::Result<Vec<String>>;

    /// Makes a new file with room for `bytes`; its contents are not yet durable.
    ///
    /// # Errors
    /// `AlreadyExists`, or whatever the system says.
    fn create(&self, name: &str, bytes: u64) -> io::Result<Self::File>;

    /// Opens a file.
    ///
    /// # Errors
    /// `NotFound`, or whatever the system says.
    fn open(&self, name: &str, access: Access) -> io::Result<Self::File>;

    /// Gives a file another name, replacing what had it.
    ///
    /// # Errors
    /// Whatever the system says.
    fn rename(&self, from: &str, to: &str) -> io::Result<()>;

    /// Removes a name.
    ///
    /// # Errors
    /// Whatever the system says.
    fn remove(&self, name: &str) -> io::Result<()>;

    /// Makes every earlier change of names durable.
    ///
    /// # Errors
    /// Whatever the system says.
    fn sync_directory(&self) -> io::Result<()>;

    /// Sixteen bytes that no one can guess.
    ///
    /// # Errors
    /// Whatever the system says.
    fn salt(&self) -> io::Result<[u8; 16]>;
}

/// An open file with positioned reads and writes.
pub trait DiskFile: Send + 'static {
    /// Length in bytes.
    ///
    /// # Errors
    /// Whatever the system says.
    fn length(&self) -> io::Result<u64>;

    /// Reads at `offset`; may be short, 0 at the end.
    ///
    /// # Errors
    /// Whatever the system says.
    fn read_at(&self, buffer: &mut [u8], offset: u64) -> io::Result<usize>;

    /// Writes at `offset`; may be short.
    ///
    /// # Errors
    /// Whatever the system says.
    fn write_at(&self, bytes: &[u8], offset: u64) -> io::Result<usize>;

    /// Returns when every byte written before is on the disk (`fdatasync`). After an error nobody knows what
    /// is: the system may forget the bytes and report success the next time.
    ///
    /// # Errors
    /// Whatever the system says.
    fn sync(&self) -> io::Result<()>;

    /// Forgets cached bytes, so that the next read says what the disk holds. A cache can hold bytes whose
    /// writing failed, and show them as if they were safe.
    ///
    /// # Errors
    /// Whatever the system says.
    fn drop_cache(&self) -> io::Result<()>;
}

/// Writes all of `bytes`, however short the single writes are.
pub(crate) fn write_all(file: &impl DiskFile, mut bytes: &[u8], mut offset: u64) -> io::Result<()> {
    while !bytes.is_empty() {
        match file.write_at(bytes, offset) {
            Ok(0) => return Err(io::ErrorKind::WriteZero.into()),
            Ok(written) => {
                bytes = &bytes[written..];
                offset += written as u64;
            }
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    Ok(())
}

/// Fills `buffer`, however short the single reads are.
pub(crate) fn read_exact(file: &impl DiskFile, mut buffer: &mut [u8], mut offset: u64) -> io::Result<()> {
    while !buffer.is_empty() {
        match file.read_at(buffer, offset) {
            Ok(0) => return Err(io::ErrorKind::UnexpectedEof.into()),
            Ok(read) => {
                buffer = &mut buffer[read..];
                offset += read as u64;
            }
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    Ok(())
}

/// Reads a whole file.
pub(crate) fn read_file<D: Disk>(disk: &D, name: &str) -> Result<Vec<u8>, IoFailure> {
    let failure = |source| IoFailure { operation: "read", path: disk.path(name), source };
    let file = disk.open(name, Access::Read).map_err(failure)?;
    let length = file.length().map_err(failure)?;
    let length = usize::try_from(length).map_err(|_| failure(io::ErrorKind::FileTooLarge.into()))?;
    let mut bytes = vec![0; length];
    read_exact(&file, &mut bytes, 0).map_err(failure)?;
    Ok(bytes)
}

/// Makes `pieces`, one behind the other, the durable contents of `name`, by way of a file aside: after a power
/// cut `name` is absent, what it was, or whole.
pub(crate) fn write_file<D: Disk>(disk: &D, name: &str, pieces: &[&[u8]]) -> Result<(), IoFailure> {
    let aside = format!("{name}{ASIDE}");
    let failure = |source| IoFailure { operation: "write", path: disk.path(name), source };
    match disk.remove(&aside) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(failure(error)),
        _ => {}
    }
    let total: usize = pieces.iter().map(|piece| piece.len()).sum();
    let file = disk.create(&aside, total as u64).map_err(failure)?;
    let mut offset = 0;
    for piece in pieces {
        write_all(&file, piece, offset).map_err(failure)?;
        offset += piece.len() as u64;
    }
    file.sync().map_err(failure)?;
    disk.rename(&aside, name).map_err(failure)?;
    disk.sync_directory().map_err(failure)
}

/// Suffix of files that are being made; a leftover means nothing.
pub(crate) const ASIDE: &str = ".aside";
