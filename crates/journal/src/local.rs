//! The disk of this machine: a directory of a local file system.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Read};
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};

use crate::disk::{Access, Disk, DiskFile};

const LOCK_NAME: &str = "lock";

/// A directory of a local file system.
#[derive(Debug, Clone)]
pub struct LocalDisk {
    directory: PathBuf,
}

impl LocalDisk {
    /// Names a directory, which need not exist.
    #[must_use]
    pub fn new(directory: impl AsRef<Path>) -> Self {
        Self { directory: directory.as_ref().to_path_buf() }
    }

    /// Makes the directory if need be, durably.
    ///
    /// # Errors
    /// Whatever the system says.
    pub fn create(directory: impl AsRef<Path>) -> io::Result<Self> {
        let disk = Self::new(directory);
        if !disk.directory.is_dir() {
            fs::create_dir_all(&disk.directory)?;
            let parent = disk.directory.canonicalize()?.parent().map(Path::to_path_buf);
            if let Some(parent) = parent {
                File::open(parent)?.sync_all()?;
            }
        }
        Ok(disk)
    }
}

impl Disk for LocalDisk {
    type File = File;
    type Lock = File;

    fn path(&self, name: &str) -> PathBuf {
        self.directory.join(name)
    }

    fn lock(&self) -> io::Result<File> {
        let path = self.path(LOCK_NAME);
        let file = OpenOptions::new().create(true).truncate(false).write(true).open(path)?;
        rustix::fs::flock(&file, rustix::fs::FlockOperation::NonBlockingLockExclusive)?;
        Ok(file)
    }

    fn names(&self) -> io::Result<Vec<String>> {
        let mut names = Vec::new();
        for entry in fs::read_dir(&self.directory)? {
            // a name that is not UTF-8 is none of ours
            if let Ok(name) = entry?.file_name().into_string() {
                names.push(name);
            }
        }
        Ok(names)
    }

    fn create(&self, name: &str, bytes: u64) -> io::Result<File> {
        let file = OpenOptions::new().read(true).write(true).create_new(true).open(self.path(name))?;
        allocate(&file, bytes)?;
        Ok(file)
    }

    fn open(&self, name: &str, access: Access) -> io::Result<File> {
        OpenOptions::new().read(true).write(access == Access::Write).open(self.path(name))
    }

    fn rename(&self, from: &str, to: &str) -> io::Result<()> {
        fs::rename(self.path(from), self.path(to))
    }

    fn remove(&self, name: &str) -> io::Result<()> {
        fs::remove_file(self.path(name))
    }

    fn sync_directory(&self) -> io::Result<()> {
        File::open(&self.directory)?.sync_all()
    }

    fn salt(&self) -> io::Result<[u8; 16]> {
        let mut salt = [0; 16];
        File::open("/dev/urandom")?.read_exact(&mut salt)?;
        Ok(salt)
    }
}

impl DiskFile for File {
    fn length(&self) -> io::Result<u64> {
        Ok(self.metadata()?.len())
    }

    fn read_at(&self, buffer: &mut [u8], offset: u64) -> io::Result<usize> {
        FileExt::read_at(self, buffer, offset)
    }

    fn write_at(&self, bytes: &[u8], offset: u64) -> io::Result<usize> {
        FileExt::write_at(self, bytes, offset)
    }

    fn sync(&self) -> io::Result<()> {
        self.sync_data()
    }

    fn drop_cache(&self) -> io::Result<()> {
        #[cfg(target_os = "linux")]
        rustix::fs::fadvise(self, 0, None, rustix::fs::Advice::DontNeed)?;
        Ok(())
    }
}

/// Reserves blocks in one go, so that they lie together. Where the file system cannot, writing does it.
fn allocate(file: &File, bytes: u64) -> io::Result<()> {
    #[cfg(target_os = "linux")]
    if bytes > 0 {
        match rustix::fs::fallocate(file, rustix::fs::FallocateFlags::empty(), 0, bytes) {
            Err(rustix::io::Errno::OPNOTSUPP) | Ok(()) => {}
            Err(error) => return Err(error.into()),
        }
    }
    #[cfg(not(target_os = "linux"))]
    let _ = (file, bytes);
    Ok(())
}
