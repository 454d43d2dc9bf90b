//! Asking something of a run that goes on: a Unix socket in the run's folder.
//!
//! A request is an [`Order`] as a line of JSON, the answer a line of JSON, then the connection ends. The socket is there
//! while the run lives, and its mode is 0600: who may not write the run can't reach it. What a run that was killed leaves
//! is removed by whoever finds that nobody listens and nobody writes the run.

use samara_journal::Live;
use samara_search::Order;
use serde::{Deserialize, Serialize};

/// The socket's name in a run's folder.
pub const SOCKET: &str = "control.sock";

/// What an order came to.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Answer {
    /// It is recorded and followed.
    Followed(Live),
    /// Why it is not.
    Refused(String),
}

/// Why an order was not followed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum AskError {
    /// Nobody writes the run.
    #[error("the run does not go on: nobody is there to ask")]
    Over,
    /// The run refuses, with its reason.
    #[error("{0}")]
    Refused(String),
    /// The socket can't be used.
    #[error("the run can't be asked: {0}")]
    Broken(String),
}

#[cfg(not(unix))]
/// Asks something of the run in a folder.
///
/// # Errors
/// Always: there are no Unix sockets here.
pub fn ask(_folder: &std::path::Path, _order: &Order) -> Result<Live, AskError> {
    Err(AskError::Broken("there are no Unix sockets on this system".to_owned()))
}

#[cfg(unix)]
pub use unix::{Socket, ask};

#[cfg(unix)]
mod unix {
    use std::fs;
    use std::io::{self, BufRead, BufReader, Read, Write};
    use std::os::unix::fs::{DirBuilderExt, FileTypeExt, PermissionsExt};
    use std::os::unix::net::UnixStream;
    use std::path::{Path, PathBuf};
    use std::sync::Arc;
    use std::time::Duration;

    use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt};
    use tokio::net::{UnixListener, UnixStream as Asking};
    use tokio::sync::Semaphore;

    use super::{Answer, AskError, Live, Order, SOCKET};

    /// Bytes of a request or an answer at most: a note, escaped.
    const LONGEST: u64 = 64 << 10;
    /// How long either side waits for the other.
    const PATIENCE: Duration = Duration::from_secs(30);
    /// Who asks at once.
    const AT_ONCE: usize = 16;

    /// The socket of a run that lives. It is removed when this is dropped.
    #[derive(Debug)]
    pub struct Socket {
        path: PathBuf,
        // Held as long as the path through it is used.
        _folder: fs::File,
    }

    /// A folder by a path short enough for a socket's address, of which 108 bytes are known: through this process's own
    /// descriptor where there is such a thing.
    fn short(folder: &Path, held: &fs::File) -> PathBuf {
        use std::os::fd::AsRawFd;
        let through = PathBuf::from(format!("/proc/self/fd/{}", held.as_raw_fd()));
        let fits = folder.as_os_str().len() + SOCKET.len() + 32 < 100;
        if fits || !through.exists() { folder.to_owned() } else { through }
    }

    fn is_socket(path: &Path) -> bool {
        fs::symlink_metadata(path).is_ok_and(|data| data.file_type().is_socket())
    }

    impl Socket {
        /// Opens the socket of a run whose journal is locked by this process: one that is there is stale. To be called on
        /// a runtime, which then answers with what `follow` makes of each order.
        ///
        /// # Errors
        /// Something else has its name, or the folder takes no sockets.
        pub fn open<F, T>(folder: &Path, follow: F) -> io::Result<Self>
        where
            F: Fn(Order) -> T + Send + Sync + 'static,
            T: Future<Output = Result<Live, String>> + Send + 'static,
        {
            let held = fs::File::open(folder)?;
            let folder = short(folder, &held);
            let path = folder.join(SOCKET);
            if is_socket(&path) {
                fs::remove_file(&path)?;
            } else if fs::symlink_metadata(&path).is_ok() {
                return Err(io::Error::new(io::ErrorKind::AlreadyExists, format!("{SOCKET} is no socket")));
            }
            let listener = bound(&folder, &path)?;
            tokio::spawn(listen(listener, Arc::new(follow)));
            Ok(Self { path, _folder: held })
        }
    }

    impl Drop for Socket {
        fn drop(&mut self) {
            // Whoever finds it later sees that nobody listens.
            let _ = fs::remove_file(&self.path);
        }
    }

    /// A listener at a path that nobody else can reach at any moment: it is bound in a folder of one's own, and moved.
    fn bound(folder: &Path, path: &Path) -> io::Result<UnixListener> {
        let own = folder.join(format!(".control-{}", std::process::id()));
        let _ = fs::remove_dir_all(&own);
        fs::DirBuilder::new().mode(0o700).create(&own)?;
        let made = || {
            let inside = own.join("s");
            let listener = UnixListener::bind(&inside)?;
            fs::set_permissions(&inside, fs::Permissions::from_mode(0o600))?;
            fs::rename(&inside, path)?;
            Ok(listener)
        };
        let listener = made();
        let _ = fs::remove_dir_all(&own);
        listener
    }

    async fn listen<F, T>(listener: UnixListener, follow: Arc<F>)
    where
        F: Fn(Order) -> T + Send + Sync + 'static,
        T: Future<Output = Result<Live, String>> + Send + 'static,
    {
        let places = Arc::new(Semaphore::new(AT_ONCE));
        loop {
            let Ok(place) = Arc::clone(&places).acquire_owned().await else { return };
            let stream = match listener.accept().await {
                Ok((stream, _)) => stream,
                Err(_) => {
                    tokio::time::sleep(Duration::from_millis(50)).await;
                    continue;
                }
            };
            let follow = Arc::clone(&follow);
            tokio::spawn(async move {
                // Whoever does not wait for the answer does not hear it.
                let _ = tokio::time::timeout(2 * PATIENCE, answer(stream, &*follow)).await;
                drop(place);
            });
        }
    }

    async fn answer<F, T>(stream: Asking, follow: &F) -> io::Result<()>
    where
        F: Fn(Order) -> T,
        T: Future<Output = Result<Live, String>>,
    {
        let (read, mut write) = stream.into_split();
        let mut line = String::new();
        let mut read = tokio::io::BufReader::new(read.take(LONGEST));
        tokio::time::timeout(PATIENCE, read.read_line(&mut line)).await??;
        let answer = match serde_json::from_str::<Order>(&line) {
            Err(error) => Answer::Refused(format!("that is no order: {error}")),
            Ok(order) => match follow(order).await {
                Ok(live) => Answer::Followed(live),
                Err(why) => Answer::Refused(why),
            },
        };
        let mut told = crate::pieces::json(&answer);
        told.push(b'\n');
        write.write_all(&told).await?;
        write.shutdown().await
    }

    /// Asks something of the run in a folder, and waits for what it comes to. What a run that was killed left behind is
    /// removed.
    ///
    /// # Errors
    /// See [`AskError`].
    pub fn ask(folder: &Path, order: &Order) -> Result<Live, AskError> {
        let broken = |error: io::Error| AskError::Broken(error.to_string());
        let held = fs::File::open(folder).map_err(broken)?;
        let path = short(folder, &held).join(SOCKET);
        let stream = match UnixStream::connect(&path) {
            Ok(stream) => stream,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Err(AskError::Over),
            Err(error) if error.kind() == io::ErrorKind::ConnectionRefused => {
                if is_socket(&path) && !samara_journal::is_written(&folder.join(samara_journal::FILE_NAME)) {
                    // It is in nobody's way if that fails.
                    let _ = fs::remove_file(&path);
                }
                return Err(AskError::Over);
            }
            Err(error) => return Err(broken(error)),
        };
        let line = exchange(stream, order).map_err(broken)?;
        match serde_json::from_str(&line) {
            Ok(Answer::Followed(live)) => Ok(live),
            Ok(Answer::Refused(why)) => Err(AskError::Refused(why)),
            Err(_) if line.is_empty() => Err(AskError::Over),
            Err(error) => Err(AskError::Broken(error.to_string())),
        }
    }

    fn exchange(mut stream: UnixStream, order: &Order) -> io::Result<String> {
        stream.set_read_timeout(Some(2 * PATIENCE))?;
        stream.set_write_timeout(Some(PATIENCE))?;
        let mut asked = serde_json::to_vec(order)?;
        asked.push(b'\n');
        stream.write_all(&asked)?;
        let mut line = String::new();
        BufReader::new(stream.take(LONGEST)).read_line(&mut line)?;
        Ok(line)
    }
}

#[cfg(all(test, unix))]
#[expect(clippy::unwrap_used, reason = "what a test expects to work must work")]
mod tests {
    use std::os::unix::fs::PermissionsExt;
    use std::path::Path;

    use super::*;

    /// A folder whose path is longer than the address of a socket may be.
    fn deep() -> (tempfile::TempDir, std::path::PathBuf) {
        let home = tempfile::tempdir().unwrap();
        let folder = home.path().join("a".repeat(120));
        std::fs::create_dir(&folder).unwrap();
        (home, folder)
    }

    async fn asked(folder: &Path, order: Order) -> Result<Live, AskError> {
        let folder = folder.to_owned();
        tokio::task::spawn_blocking(move || ask(&folder, &order)).await.unwrap()
    }

    #[tokio::test]
    async fn an_order_is_followed_or_refused_by_the_run_while_it_lives_and_nothing_is_left_behind() {
        let (home, deep) = deep();
        for folder in [home.path(), &deep] {
            assert_eq!(asked(folder, Order::Finish).await, Err(AskError::Over));
            // What a killed run leaves.
            drop(std::os::unix::net::UnixListener::bind(home.path().join(SOCKET)).unwrap());
            assert_eq!(asked(home.path(), Order::Finish).await, Err(AskError::Over));
            assert!(!home.path().join(SOCKET).exists(), "it is cleaned up");
            drop(std::os::unix::net::UnixListener::bind(home.path().join(SOCKET)).unwrap());
            let socket = Socket::open(folder, |order| async move {
                match order {
                    Order::Finish => Ok(Live { first: 7, order }),
                    other => Err(format!("not {}", other.told())),
                }
            });
            let socket = socket.unwrap();
            let mode = std::fs::symlink_metadata(folder.join(SOCKET)).unwrap().permissions().mode();
            assert_eq!(mode & 0o777, 0o600);
            assert_eq!(asked(folder, Order::Finish).await, Ok(Live { first: 7, order: Order::Finish }));
            let refused = asked(folder, Order::Note("a\n\u{1b}".repeat(500))).await;
            assert!(matches!(refused, Err(AskError::Refused(why)) if why.starts_with("not note")));
            drop(socket);
            let left: Vec<_> = std::fs::read_dir(&deep).unwrap().collect();
            assert!(left.is_empty() && !folder.join(SOCKET).exists(), "{left:?}");
            let _ = std::fs::remove_file(home.path().join(SOCKET));
        }
    }

    #[tokio::test]
    async fn what_is_no_order_is_refused_and_what_is_no_socket_is_left_alone() {
        let home = tempfile::tempdir().unwrap();
        let socket = Socket::open(home.path(), |order| async move { Ok(Live { first: 0, order }) }).unwrap();
        let path = home.path().join(SOCKET);
        let said = tokio::task::spawn_blocking(move || {
            use std::io::{Read, Write};
            let mut stream = std::os::unix::net::UnixStream::connect(path).unwrap();
            stream.write_all(b"{\"finish\": [\n").unwrap();
            let mut said = String::new();
            stream.read_to_string(&mut said).unwrap();
            said
        });
        assert!(said.await.unwrap().starts_with("{\"refused\":\"that is no order"));
        drop(socket);
        std::fs::write(home.path().join(SOCKET), "mine").unwrap();
        assert!(Socket::open(home.path(), |_| async { Err(String::new()) }).is_err());
        assert_eq!(std::fs::read_to_string(home.path().join(SOCKET)).unwrap(), "mine");
    }
}
