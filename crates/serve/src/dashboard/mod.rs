//! The dashboard: runs as pages, read from their journals and never written. What is asked of a run, the run writes down.
//!
//! | route | what |
//! |---|---|
//! | `GET /`, `/compare`, `/run/NAME`, `/run/NAME/archive`, ... | pages: [`samara_view::dashboard::address`] has them all |
//! | the same with `fragment` in the query | the parts of a page that change while its run goes on |
//! | `POST /ask` | with `control`: asks something of a run that goes on, over its socket ([`crate::control`]) |
//! | `GET /events` | which runs have grown, once a second, as server-sent events |
//! | `GET /dashboard.css`, `/dashboard.js` | the files beside the pages; they need no token |
//!
//! - `door`: who is let in; `answer`: from a request to a page; `ask`: from a form to a run; `events`: one look at the runs a second for all who hear;
//!   `shared`: what several tabs ask for behind it;
//! - `catalogue`: which runs there are; `library`: what is held of them, and folded on as they grow; `figures`: the list.
//!
//! A page is made on a blocking thread. One that panics is an error page: the server lives on.

mod answer;
mod ask;
mod catalogue;
mod door;
mod events;
mod figures;
mod library;
mod shared;

use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use samara_journal::Header;
use samara_search::Emitting;
use tokio::net::TcpListener;
use tokio::sync::Semaphore;

pub use catalogue::Catalogue;

use crate::gate::Access;
use crate::listen::Door;
use crate::places::Places;
use door::Keys;
use events::Events;
use library::Library;
use shared::Shared;

/// Connections that are being answered at once; each browser has an event stream among them.
const BUSY: usize = 256;
/// Connections that wait.
const WAITING: usize = 256;
/// Pages that are made at once: what more are asked for wait.
const PAGES: usize = 4;
/// How long a client has to send a request, and to take each piece of an answer.
const PATIENCE: Duration = Duration::from_secs(10);
/// How long answers have to end when the server stops.
const GRACE: Duration = Duration::from_secs(2);

/// What is known of an environment without the environment.
#[derive(Debug, Clone, Default)]
pub struct Known {
    /// What it evolves, in a line.
    pub about: String,
    /// Whether its genomes are programs.
    pub programs: bool,
    /// What proposed its vectors, where a bandit chose among emitters.
    pub emitting: Option<Emitting>,
}

/// What a dashboard is made of.
pub struct Settings {
    /// The runs.
    pub catalogue: Catalogue,
    /// What clients have to know: it is in the address that a person opens, and then in a cookie. Not empty.
    pub token: String,
    /// Who is let in by name: its own token is not looked at.
    pub access: Access,
    /// Whether the youngest runs are read as soon as the server begins, before anybody asks for them.
    pub ahead: bool,
    /// What is known of a run's environment.
    pub known: fn(&Header) -> Known,
    /// What the forms hold by which something is asked of runs, and no other site knows; `None` if nobody may ask.
    pub control: Option<String>,
}

pub(crate) struct Dashboard {
    library: Arc<Library>,
    keys: Keys,
    events: Events,
    pages: Semaphore,
    shared: Shared,
    control: Option<String>,
}

/// Serves a dashboard on a listener until `stop` is ready.
///
/// # Errors
/// The listener has no address.
pub async fn serve(
    listener: TcpListener,
    settings: Settings,
    stop: impl Future<Output = ()>,
) -> std::io::Result<()> {
    let port = listener.local_addr()?.port();
    let library = Arc::new(Library::new(settings.catalogue, settings.known));
    if settings.ahead {
        library.read_ahead();
    }
    let places = Places::new(WAITING, BUSY);
    let (events, ticking) = Events::start(Arc::clone(&library));
    let dashboard = Arc::new(Dashboard {
        library,
        keys: Keys::new(settings.access, settings.token, port),
        events,
        pages: Semaphore::new(PAGES),
        shared: Shared::default(),
        control: settings.control,
    });
    let router = Router::new().fallback(answer::answer).with_state(Arc::clone(&dashboard));
    let door = Door { router, places, read_timeout: PATIENCE, write_timeout: PATIENCE };
    let mut all_closed = door.accept(listener, stop).await;
    // Streams end with whoever feeds them.
    ticking.abort();
    dashboard.events.end();
    let _ = tokio::time::timeout(GRACE, all_closed.recv()).await;
    Ok(())
}
