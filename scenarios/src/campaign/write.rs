//! Files of results: there as a whole or not at all.

use std::fs;
use std::io::{self, Write};
use std::path::Path;

/// Writes a file so that a reader, or a crash, sees the whole of it or nothing.
///
/// What stands there and is no regular file, a link, a pipe or a device, is somebody's: it is written through and stays.
pub(crate) fn write_whole(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    fs::create_dir_all(folder)?;
    if fs::symlink_metadata(path).is_ok_and(|there| !there.is_file()) {
        let mut there = fs::File::options().write(true).create(true).truncate(true).open(path)?;
        return there.write_all(bytes);
    }
    let name = path.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
    let beside = folder.join(format!(".{name}.{}", std::process::id()));
    let written = fs::File::create(&beside).and_then(|mut file| {
        file.write_all(bytes)?;
        file.sync_all()?;
        fs::rename(&beside, path)
    });
    written.inspect_err(|_| {
        let _ = fs::remove_file(&beside);
    })
}

#[cfg(test)]
#[cfg(unix)]
mod tests {
    use std::io::Read;
    use std::os::unix::fs::symlink;

    use super::*;

    #[test]
    fn a_file_is_replaced() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("deep/r.json");
        for text in ["one, and long", "two"] {
            write_whole(&path, text.as_bytes()).unwrap();
            assert_eq!(fs::read_to_string(&path).unwrap(), text);
        }
        assert_eq!(fs::read_dir(folder.path().join("deep")).unwrap().count(), 1, "nothing lies beside it");
    }

    #[test]
    fn a_link_stays_one() {
        let folder = tempfile::tempdir().unwrap();
        let (link, file) = (folder.path().join("link"), folder.path().join("file"));
        symlink("file", &link).unwrap();
        for text in ["one, through a link to nothing yet", "two"] {
            write_whole(&link, text.as_bytes()).unwrap();
            assert!(fs::symlink_metadata(&link).unwrap().is_symlink());
            assert_eq!(fs::read_to_string(&file).unwrap(), text);
        }
    }

    #[test]
    fn a_pipe_and_a_device_stay_what_they_are() {
        let folder = tempfile::tempdir().unwrap();
        let pipe = folder.path().join("pipe");
        assert!(std::process::Command::new("mkfifo").arg(&pipe).status().unwrap().success());
        let reads = pipe.clone();
        let reader = std::thread::Builder::new().spawn(move || {
            let mut text = String::new();
            fs::File::open(reads).unwrap().read_to_string(&mut text).unwrap();
            text
        });
        write_whole(&pipe, b"through it").unwrap();
        assert_eq!(reader.unwrap().join().unwrap(), "through it");
        assert!(!fs::symlink_metadata(&pipe).unwrap().is_file());

        // Nobody may replace the machine's own device, whoever runs this; a link to it tells as much.
        let null = folder.path().join("null");
        symlink("/dev/null", &null).unwrap();
        write_whole(&null, b"to nobody").unwrap();
        assert!(fs::symlink_metadata(&null).unwrap().is_symlink());
    }
}
