//! The HTTP port: health, readiness, Prometheus metrics, the AdminServer's commands, and a page that links them.
//!
//! It shows what the roles offer through [`AdminSource`] and decides nothing.

pub mod admin;
pub mod keeper_source;
mod log_level;

use std::future::Future;
use std::io;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::Arc;

use axum::Router;
use axum::extract::State;
use axum::http::{StatusCode, header};
use axum::response::{Html, IntoResponse, Response};
use axum::routing::get;
use tokio::net::TcpListener;
use tokio::sync::watch;
use tokio::task::JoinSet;

/// What one role (keeper or broker) shows over HTTP.
pub trait AdminSource: Send + Sync + 'static {
    /// `zookeeper` or `kafka`.
    fn role(&self) -> &'static str;

    /// Whether the role answers its clients now; the reason when it does not.
    ///
    /// # Errors
    /// One line for people: what is missing.
    fn ready(&self) -> Result<(), String>;

    /// Gathers what the metrics need of threads that answer when they can. Comes before [`AdminSource::write_metrics`].
    fn prepare(&self) -> Pin<Box<dyn Future<Output = ()> + Send + '_>> {
        Box::pin(std::future::ready(()))
    }

    /// Appends the role's metrics in Prometheus text format.
    fn write_metrics(&self, out: &mut String);

    /// Routes of the role's own.
    fn router(&self) -> Router {
        Router::new()
    }
}

/// A running HTTP server.
pub struct HttpHandle {
    addresses: Vec<SocketAddr>,
    stop: watch::Sender<bool>,
    tasks: JoinSet<()>,
}

impl HttpHandle {
    /// Where it listens.
    pub fn local_addrs(&self) -> &[SocketAddr] {
        &self.addresses
    }

    /// Stops listening and waits for requests in progress.
    pub async fn shutdown(mut self) {
        self.stop.send_replace(true);
        while self.tasks.join_next().await.is_some() {}
    }
}

type Sources = Arc<Vec<Arc<dyn AdminSource>>>;

/// Listens on every address and serves `sources`. With port 0 the addresses after the first take the first one's port.
///
/// # Errors
/// The bind error of the first address that cannot be had.
pub async fn start(addresses: &[SocketAddr], sources: Vec<Arc<dyn AdminSource>>) -> io::Result<HttpHandle> {
    serve(addresses, router(sources)).await
}

/// Listens on every address and serves the sources' metrics alone, at `/metrics`.
///
/// # Errors
/// As [`start`].
pub async fn start_metrics(addresses: &[SocketAddr], sources: Vec<Arc<dyn AdminSource>>) -> io::Result<HttpHandle> {
    serve(addresses, Router::new().route("/metrics", get(metrics)).with_state(Arc::new(sources))).await
}

async fn serve(addresses: &[SocketAddr], router: Router) -> io::Result<HttpHandle> {
    let (stop, stopped) = watch::channel(false);
    let mut listeners: Vec<TcpListener> = Vec::new();
    for address in addresses {
        let mut address = *address;
        if let (0, Some(first)) = (address.port(), listeners.first()) {
            address.set_port(first.local_addr()?.port());
        }
        match TcpListener::bind(address).await {
            Ok(listener) => listeners.push(listener),
            // A machine without IPv6 has no ::1; the first address is the one that must work.
            Err(error) if error.kind() == io::ErrorKind::AddrNotAvailable && !listeners.is_empty() => {}
            Err(error) => return Err(error),
        }
    }
    let mut handle = HttpHandle { addresses: Vec::new(), stop, tasks: JoinSet::new() };
    for listener in listeners {
        handle.addresses.push(listener.local_addr()?);
        let service = router.clone().into_make_service_with_connect_info::<SocketAddr>();
        let mut stopped = stopped.clone();
        handle.tasks.spawn(async move {
            let until_stopped = async move {
                // An error means that the handle is gone: stop too.
                let _ = stopped.wait_for(|stop| *stop).await;
            };
            if let Err(error) = axum::serve(listener, service).with_graceful_shutdown(until_stopped).await {
                tracing::error!(%error, "the HTTP port stopped");
            }
        });
    }
    Ok(handle)
}

fn router(sources: Vec<Arc<dyn AdminSource>>) -> Router {
    let of_roles: Vec<Router> = sources.iter().map(|source| source.router()).collect();
    let router = Router::new()
        .route("/", get(landing))
        .route("/health", get(health))
        .route("/ready", get(ready))
        .route("/metrics", get(metrics))
        .with_state(Arc::new(sources))
        .merge(log_level::router());
    of_roles.into_iter().fold(router, Router::merge)
}

async fn landing(State(sources): State<Sources>) -> Html<String> {
    let mut rows = String::new();
    for source in sources.iter() {
        let state = match source.ready() {
            Ok(()) => "ready".to_string(),
            Err(reason) => format!("not ready: {}", escape(&reason)),
        };
        rows.push_str(&format!("<tr><td>{}</td><td>{state}</td></tr>", source.role()));
    }
    Html(format!(
        "<!doctype html><html lang=en><meta charset=utf-8><title>castlekeep</title>\
         <style>body{{font:16px/1.5 system-ui,sans-serif;max-width:40rem;margin:3rem auto;padding:0 1rem}}\
         td{{padding-right:2rem}}</style>\
         <h1>castlekeep {}</h1><table>{rows}</table><ul>\
         <li><a href=/health>/health</a>: the process runs\
         <li><a href=/ready>/ready</a>: every role answers its clients\
         <li><a href=/metrics>/metrics</a>: Prometheus\
         <li><a href=/commands>/commands</a>: ZooKeeper's AdminServer commands\
         <li><a href=/log-level>/log-level</a>: what is logged; POST another level from this machine</ul></html>\n",
        env!("CARGO_PKG_VERSION")
    ))
}

async fn health() -> &'static str {
    "ok\n"
}

async fn ready(State(sources): State<Sources>) -> Response {
    let mut text = String::new();
    let mut all_ready = true;
    for source in sources.iter() {
        match source.ready() {
            Ok(()) => text.push_str(&format!("{}: ready\n", source.role())),
            Err(reason) => {
                all_ready = false;
                text.push_str(&format!("{}: {reason}\n", source.role()));
            }
        }
    }
    let status = if all_ready { StatusCode::OK } else { StatusCode::SERVICE_UNAVAILABLE };
    (status, text).into_response()
}

async fn metrics(State(sources): State<Sources>) -> Response {
    let mut text = String::new();
    for source in sources.iter() {
        source.prepare().await;
        source.write_metrics(&mut text);
    }
    ([(header::CONTENT_TYPE, "text/plain; version=0.0.4; charset=utf-8")], text).into_response()
}

fn escape(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;")
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicBool, Ordering};

    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    use tokio::net::TcpStream;

    use super::*;

    #[derive(Default)]
    struct Role(AtomicBool);

    impl AdminSource for Role {
        fn role(&self) -> &'static str {
            "zookeeper"
        }
        fn ready(&self) -> Result<(), String> {
            if self.0.load(Ordering::Relaxed) { Ok(()) } else { Err("starting".into()) }
        }
        fn write_metrics(&self, out: &mut String) {
            out.push_str("znode_count 5\n");
        }
        fn router(&self) -> Router {
            Router::new().route("/own", axum::routing::get(|| async { "its own" }))
        }
    }

    async fn get(address: SocketAddr, path: &str) -> String {
        let mut stream = TcpStream::connect(address).await.unwrap();
        let request = format!("GET {path} HTTP/1.1\r\nHost: test\r\nConnection: close\r\n\r\n");
        stream.write_all(request.as_bytes()).await.unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).await.unwrap();
        answer
    }

    #[tokio::test]
    async fn shows_what_the_roles_say() {
        let role = Arc::new(Role::default());
        let server = start(&["127.0.0.1:0".parse().unwrap()], vec![role.clone()]).await.unwrap();
        let address = server.local_addrs()[0];
        assert!(get(address, "/health").await.starts_with("HTTP/1.1 200"));
        let before = get(address, "/ready").await;
        assert!(before.starts_with("HTTP/1.1 503") && before.ends_with("zookeeper: starting\n"), "{before}");
        role.0.store(true, Ordering::Relaxed);
        assert!(get(address, "/ready").await.starts_with("HTTP/1.1 200"));
        assert!(get(address, "/metrics").await.ends_with("znode_count 5\n"));
        assert!(get(address, "/own").await.ends_with("its own"));
        assert!(get(address, "/").await.contains("castlekeep"));
        server.shutdown().await;
        let metrics = start_metrics(&["127.0.0.1:0".parse().unwrap()], vec![role]).await.unwrap();
        let address = metrics.local_addrs()[0];
        assert!(get(address, "/metrics").await.ends_with("znode_count 5\n"));
        assert!(get(address, "/ready").await.starts_with("HTTP/1.1 404"));
        metrics.shutdown().await;
    }

    async fn post(address: SocketAddr, path: &str, body: &str) -> String {
        let mut stream = TcpStream::connect(address).await.unwrap();
        let length = body.len();
        let head =
            format!("POST {path} HTTP/1.1\r\nHost: test\r\nConnection: close\r\nContent-Length: {length}\r\n\r\n");
        stream.write_all(format!("{head}{body}").as_bytes()).await.unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).await.unwrap();
        answer
    }

    #[tokio::test]
    async fn the_log_level_is_shown_and_changed() {
        let known = |filter: &str| if filter == "loud" { Err("loud is no level".to_string()) } else { Ok(()) };
        crate::log_level::LogLevel::new("info", Box::new(known)).install();
        let server = start(&["127.0.0.1:0".parse().unwrap()], Vec::new()).await.unwrap();
        let address = server.local_addrs()[0];
        assert!(get(address, "/log-level").await.ends_with("\r\ninfo\n"));
        let changed = post(address, "/log-level", "warn,server::zk=debug\n").await;
        assert!(changed.starts_with("HTTP/1.1 200") && changed.ends_with("\r\nwarn,server::zk=debug\n"), "{changed}");
        let refused = post(address, "/log-level", "loud").await;
        assert!(refused.starts_with("HTTP/1.1 400") && refused.ends_with("loud is no level\n"), "{refused}");
        assert!(get(address, "/log-level").await.ends_with("\r\nwarn,server::zk=debug\n"));
        server.shutdown().await;
    }
}
