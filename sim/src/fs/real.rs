//! The real side: tokio's file for the stream, the same file once more for positioned reads and writes, which
//! tokio does not have.

use super::options::OpenOptions;
use std::fs;
use std::io;
use std::os::unix::fs::FileExt;
use std::path::Path;
use std::sync::Arc;

#[derive(Debug)]
pub(super) struct RealFile {
    pub(super) stream: tokio::fs::File,
    positioned: Arc<fs::File>,
    /// Held while an append looks for the end and writes there.
    appending: tokio::sync::Mutex<()>,
}

impl RealFile {
    pub(super) async fn open(path: &Path, options: &OpenOptions) -> io::Result<RealFile> {
        let stream = options.to_tokio().open(path).await?;
        let positioned = Arc::new(stream.try_clone().await?.into_std().await);
        Ok(RealFile { stream, positioned, appending: tokio::sync::Mutex::new(()) })
    }

    pub(super) async fn read_at(&self, buffer: &mut [u8], offset: u64) -> io::Result<usize> {
        let mut read = vec![0; buffer.len()];
        let (count, read) = self
            .blocking(move |file| {
                let count = file.read_at(&mut read, offset)?;
                Ok((count, read))
            })
            .await?;
        buffer[..count].copy_from_slice(&read[..count]);
        Ok(count)
    }

    pub(super) async fn write_at(&self, data: &[u8], offset: u64) -> io::Result<usize> {
        let data = data.to_vec();
        self.blocking(move |file| file.write_at(&data, offset)).await
    }

    pub(super) async fn write_all_at(&self, data: &[u8], offset: u64) -> io::Result<()> {
        let data = data.to_vec();
        self.blocking(move |file| file.write_all_at(&data, offset)).await
    }

    pub(super) async fn append(&self, data: &[u8]) -> io::Result<u64> {
        let _alone = self.appending.lock().await;
        let data = data.to_vec();
        self.blocking(move |file| {
            let end = file.metadata()?.len();
            file.write_all_at(&data, end)?;
            Ok(end)
        })
        .await
    }

    async fn blocking<T: Send + 'static>(
        &self,
        act: impl FnOnce(&fs::File) -> io::Result<T> + Send + 'static,
    ) -> io::Result<T> {
        let file = Arc::clone(&self.positioned);
        blocking(move || act(&file)).await
    }
}

/// Runs something that blocks where it may block.
pub(super) async fn blocking<T: Send + 'static>(
    act: impl FnOnce() -> io::Result<T> + Send + 'static,
) -> io::Result<T> {
    tokio::task::spawn_blocking(act).await.map_err(io::Error::other)?
}
