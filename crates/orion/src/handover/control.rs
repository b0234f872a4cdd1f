//! The socket in a market's folder by which `orion reload`, `orion status`, `orion log` and `orion config diff` find the server that has the folder.
//! Only the user who runs the server may connect. One question is asked, one answered.

use super::reloads::{Desk, Outcome};
use crate::logs;
use crate::switches::{Difference, Reader};
use anyhow::{Context as _, Result, bail};
use std::fs::{self, File, Permissions};
use std::io::{self, Read as _, Write as _};
use std::os::fd::AsRawFd as _;
use std::os::unix::ffi::OsStrExt as _;
use std::os::unix::fs::PermissionsExt as _;
use std::os::unix::net::{UnixListener as Binding, UnixStream as Asking};
use std::path::{Path, PathBuf};
use std::time::Duration;
use tokio::io::{AsyncBufReadExt as _, AsyncReadExt as _, AsyncWriteExt as _, BufReader};
use tokio::net::{UnixListener, UnixStream};
use tokio::sync::oneshot;
use tokio::task::JoinHandle;
use tokio::time::timeout;

const NAME: &str = "orion.sock";
/// What may be asked, in the same number of bytes: for a new process, where the server listens, how its settings differ from
/// those of its file, and what it logs; behind the last stands a line with a change, or an empty one.
const RELOAD: &str = "reload\n";
const LISTEN: &str = "listen\n";
const CONFIG: &str = "config\n";
const LEVELS: &str = "levels\n";
/// A change of levels is no longer.
const CHANGE_MAX: u64 = 1000;
/// How an answer begins.
const SERVES: &str = "serves ";
const LISTENS: &str = "listens ";
const LOGS: &str = "logs ";
const DIFFERS: &str = "differs ";
const FAILED: &str = "failed ";
/// A question is one short line, and comes at once.
const QUESTION_WITHIN: Duration = Duration::from_secs(5);
/// Longest path that every system takes for a socket.
const PATH_MAX: usize = 100;

/// What `orion reload` is told.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Answer {
    /// The process that serves now.
    Serves(u32),
    /// Why the old one goes on.
    Failed(String),
}

/// Where a server is reached on its own machine.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Near {
    pub(crate) url: String,
    /// The file of the certificate that it shows, where it speaks TLS: it names the host that the world knows.
    pub(crate) certificate: Option<PathBuf>,
}

impl Near {
    fn tell(&self) -> String {
        let certificate = self.certificate.as_deref().map(Path::to_string_lossy);
        let certificate = certificate.map(|path| format!("\n{path}"));
        format!("{LISTENS}{}{}", self.url, certificate.unwrap_or_default())
    }

    fn read(told: &str) -> Option<Self> {
        let told = told.strip_prefix(LISTENS)?;
        let (url, certificate) = match told.split_once('\n') {
            Some((url, path)) => (url, Some(PathBuf::from(path))),
            None => (told, None),
        };
        Some(Self {
            url: url.to_owned(),
            certificate,
        })
    }
}

/// What this process answers besides.
#[derive(Clone, Debug)]
pub(super) struct Asked {
    pub(super) near: Near,
    pub(super) differences: Reader,
}

/// The socket of this process. Dropping it stops answering; the file stays until [`Control::remove`].
#[derive(Debug)]
pub(super) struct Control {
    path: PathBuf,
    answering: JoinHandle<()>,
}

impl Control {
    /// Makes the socket in `dir`, or takes the place of one that another process made: whoever has the folder's lock.
    pub(super) fn bind(dir: &Path, desk: Desk, asked: Asked) -> Result<Self> {
        let path = dir.join(NAME);
        let listener =
            bind(dir, &path).with_context(|| format!("make the socket {}", path.display()))?;
        let answering = tokio::spawn(answer_all(listener, desk, asked));
        Ok(Self { path, answering })
    }

    /// Takes the socket away: the server ends.
    pub(super) fn remove(self) {
        // Should it stay, it is found to be dead by whoever asks.
        let _removed = fs::remove_file(&self.path);
    }
}

impl Drop for Control {
    fn drop(&mut self) {
        self.answering.abort();
    }
}

/// Under another name first: nobody finds it before only its owner may use it, and none is missing meanwhile.
fn bind(dir: &Path, path: &Path) -> io::Result<UnixListener> {
    let new = path.with_extension("new");
    match fs::remove_file(&new) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
        _ => {}
    }
    let (short, _folder) = short(dir, &new)?;
    let listener = Binding::bind(short)?;
    fs::set_permissions(&new, Permissions::from_mode(0o600))?;
    fs::rename(&new, path)?;
    listener.set_nonblocking(true)?;
    UnixListener::from_std(listener)
}

/// A path for a socket of `dir` that is short enough for one, good while the folder beside it is open.
fn short(dir: &Path, path: &Path) -> io::Result<(PathBuf, Option<File>)> {
    if path.as_os_str().as_bytes().len() <= PATH_MAX {
        return Ok((path.to_owned(), None));
    }
    if !cfg!(target_os = "linux") {
        let wrong = format!(
            "a socket's path may have {PATH_MAX} bytes; take a data folder with a shorter path"
        );
        return Err(io::Error::new(io::ErrorKind::InvalidInput, wrong));
    }
    let folder = File::open(dir)?;
    let name = path.file_name().unwrap_or_default();
    let short = Path::new("/proc/self/fd")
        .join(folder.as_raw_fd().to_string())
        .join(name);
    Ok((short, Some(folder)))
}

async fn answer_all(listener: UnixListener, desk: Desk, asked: Asked) {
    loop {
        match listener.accept().await {
            Ok((stream, _)) => {
                tokio::spawn(answer(stream, desk.clone(), asked.clone()));
            }
            Err(error) => {
                tracing::warn!(%error, "the control socket accepts no more; SIGUSR2 still asks for a reload");
                return;
            }
        }
    }
}

async fn answer(mut stream: UnixStream, desk: Desk, asked: Asked) {
    let mut question = [0; RELOAD.len()];
    let read = timeout(QUESTION_WITHIN, stream.read_exact(&mut question)).await;
    let answer = match read {
        Ok(Ok(_)) if question == RELOAD.as_bytes() => text(&desk.reload().await),
        Ok(Ok(_)) if question == LISTEN.as_bytes() => asked.near.tell(),
        Ok(Ok(_)) if question == CONFIG.as_bytes() => differences(&asked.differences).await,
        Ok(Ok(_)) if question == LEVELS.as_bytes() => levels(&mut stream).await,
        _ => text(&Err("this is no question of `orion reload`".to_owned())),
    };
    // Whoever asked may have gone.
    let _told = stream.write_all(answer.as_bytes()).await;
}

/// Asks whoever reads the settings.
async fn differences(asking: &Reader) -> String {
    let (answer, answered) = oneshot::channel();
    let asked = asking.send(answer).await;
    let told = match asked {
        Ok(()) => answered.await.map_err(|_| ()),
        Err(_) => Err(()),
    };
    let ending = || Err("the server is ending".to_owned());
    let told = told.unwrap_or_else(|()| ending());
    let told = told.and_then(|differences| {
        serde_json::to_string(&differences).map_err(|error| error.to_string())
    });
    match told {
        Ok(json) => format!("{DIFFERS}{json}"),
        Err(reason) => format!("{FAILED}{reason}"),
    }
}

/// Changes what is logged, as the next line says.
async fn levels(stream: &mut UnixStream) -> String {
    let mut line = String::new();
    let mut rest = BufReader::new(stream.take(CHANGE_MAX));
    let changed = match timeout(QUESTION_WITHIN, rest.read_line(&mut line)).await {
        Ok(Ok(_)) if line.ends_with('\n') => logs::change(line.trim()),
        _ => Err("this is no change of what is logged".to_owned()),
    };
    match changed {
        Ok(levels) => format!("{LOGS}{levels}"),
        Err(reason) => format!("{FAILED}{reason}"),
    }
}

fn text(outcome: &Outcome) -> String {
    match outcome {
        Ok(pid) => format!("{SERVES}{pid}"),
        Err(reason) => format!("{FAILED}{reason}"),
    }
}

/// Whether a server answers in a market's folder.
pub(crate) fn is_running(dir: &Path) -> bool {
    connect(dir).is_ok()
}

/// Asks the server of a market's folder to hand over to a new process, and waits until that serves or has failed.
///
/// # Errors
/// When no server answers.
pub(crate) fn reload(dir: &Path) -> Result<Answer> {
    let text = ask(dir, RELOAD)?;
    if let Some(pid) = text.strip_prefix(SERVES) {
        return Ok(Answer::Serves(
            pid.parse().context("read the server's answer")?,
        ));
    }
    match text.strip_prefix(FAILED) {
        Some(reason) => Ok(Answer::Failed(reason.to_owned())),
        None => bail!("the server ended without an answer"),
    }
}

/// Asks the server of a market's folder where it listens: an address that begins with http.
///
/// # Errors
/// When no server answers, or it is one of before there was this question.
pub(crate) fn near(dir: &Path) -> Result<Near> {
    let text = ask(dir, LISTEN)?;
    Near::read(&text).with_context(|| {
        format!(
            "the server of {} does not say where it listens: name its address with --url",
            dir.display()
        )
    })
}

/// Asks the server of a market's folder to log other things, and which levels hold then.
///
/// # Errors
/// When no server answers, or it does not take the change; its words say why.
pub(crate) fn log_levels(dir: &Path, change: &str) -> Result<String> {
    let text = ask(dir, &format!("{LEVELS}{change}\n"))?;
    match (text.strip_prefix(LOGS), text.strip_prefix(FAILED)) {
        (Some(levels), _) => Ok(levels.to_owned()),
        (None, Some(reason)) => bail!("{reason}"),
        (None, None) => bail!("the server ended without an answer"),
    }
}

/// Asks the server of a market's folder what its settings say now and it does not have.
///
/// # Errors
/// When no server answers, or the settings cannot run; the words say why.
pub(crate) fn differences_of(dir: &Path) -> Result<Vec<Difference>> {
    let text = ask(dir, CONFIG)?;
    match (text.strip_prefix(DIFFERS), text.strip_prefix(FAILED)) {
        (Some(json), _) => serde_json::from_str(json).context("read the server's answer"),
        (None, Some(reason)) => bail!("{reason}"),
        (None, None) => bail!("the server ended without an answer"),
    }
}

fn ask(dir: &Path, question: &str) -> Result<String> {
    let mut stream =
        connect(dir).with_context(|| format!("reach the server of {}", dir.display()))?;
    stream
        .write_all(question.as_bytes())
        .context("ask the server")?;
    let mut text = String::new();
    stream
        .read_to_string(&mut text)
        .context("hear the server's answer")?;
    Ok(text)
}

fn connect(dir: &Path) -> io::Result<Asking> {
    let (short, _folder) = short(dir, &dir.join(NAME))?;
    Asking::connect(short)
}

#[cfg(test)]
mod tests {
    use super::*;
    use tempfile::TempDir;

    fn there() -> Near {
        Near {
            url: "https://127.0.0.1:8443".to_owned(),
            certificate: Some(PathBuf::from("/etc/orion/a certificate.pem")),
        }
    }

    #[test]
    fn one_of_before_says_its_address_alone() {
        let told = Near::read("listens http://127.0.0.1:8080").unwrap();
        assert_eq!(told.url, "http://127.0.0.1:8080");
        assert_eq!(told.certificate, None);
        assert!(Near::read("failed this is no question").is_none());
    }

    /// A desk at which every reload ends like this.
    fn desk(outcome: Outcome) -> Desk {
        let (desk, mut requests) = Desk::new();
        tokio::spawn(async move {
            while let Some(request) = requests.recv().await {
                request.answer(outcome.clone());
            }
        });
        desk
    }

    /// Nobody reads settings here.
    fn listens() -> Asked {
        Asked {
            near: there(),
            differences: tokio::sync::mpsc::channel(1).0,
        }
    }

    async fn asked(dir: &Path) -> Result<Answer> {
        let dir = dir.to_owned();
        tokio::task::spawn_blocking(move || reload(&dir))
            .await
            .unwrap()
    }

    #[tokio::test]
    async fn the_answer_comes_back_whatever_the_length_of_the_path() {
        let folder = TempDir::new().unwrap();
        for dir in [
            folder.path().to_owned(),
            folder.path().join("long".repeat(40)),
        ] {
            fs::create_dir_all(&dir).unwrap();
            assert!(!is_running(&dir));
            let control = Control::bind(&dir, desk(Ok(17)), listens()).unwrap();
            let mode = fs::metadata(dir.join(NAME)).unwrap().permissions().mode();
            assert_eq!(mode & 0o777, 0o600, "only the owner may ask");
            assert_eq!(asked(&dir).await.unwrap(), Answer::Serves(17));
            let folder = dir.clone();
            let told = tokio::task::spawn_blocking(move || near(&folder));
            assert_eq!(told.await.unwrap().unwrap(), there());

            // Another process takes the folder over, and fails.
            let reason = "two\nlines".to_owned();
            let next = Control::bind(&dir, desk(Err(reason.clone())), listens()).unwrap();
            drop(control);
            assert_eq!(asked(&dir).await.unwrap(), Answer::Failed(reason));
            next.remove();
            assert!(!is_running(&dir));
            assert!(!dir.join(NAME).exists());
        }
    }

    #[tokio::test]
    async fn a_server_that_was_killed_leaves_a_socket_that_nobody_answers() {
        let folder = TempDir::new().unwrap();
        drop(Control::bind(folder.path(), desk(Ok(1)), listens()).unwrap());
        tokio::task::yield_now().await;
        assert!(folder.path().join(NAME).exists());
        let error = asked(folder.path()).await.unwrap_err();
        assert!(error.to_string().contains("reach the server"), "{error:#}");
    }

    #[tokio::test]
    async fn other_questions_are_refused() {
        let folder = TempDir::new().unwrap();
        let _control = Control::bind(folder.path(), desk(Ok(1)), listens()).unwrap();
        let mut stream = UnixStream::connect(folder.path().join(NAME)).await.unwrap();
        stream.write_all(b"status\n").await.unwrap();
        let mut text = String::new();
        stream.read_to_string(&mut text).await.unwrap();
        assert_eq!(text, "failed this is no question of `orion reload`");
    }
}
