//! A keeper alone: `zk_only DATA_DIR PORT`. For trying the keeper without the rest of the product.

#[tokio::main]
async fn main() {
    tracing_subscriber::fmt().with_writer(std::io::stderr).init();
    let mut args = std::env::args().skip(1);
    let data_dir = std::path::PathBuf::from(args.next().expect("zk_only DATA_DIR PORT"));
    let port = args.next().and_then(|port| port.parse().ok()).expect("zk_only DATA_DIR PORT");
    let config = server::zk::ZkServerConfig::embedded(&data_dir, port);
    let mut handle = match server::zk::start(config).await {
        Ok(handle) => handle,
        Err(e) => {
            eprintln!("{e}");
            std::process::exit(1);
        }
    };
    println!("ready on {:?}", handle.local_addrs());
    tokio::select! {
        result = handle.ended() => {
            eprintln!("ended: {result:?}");
            std::process::exit(1);
        }
        _ = tokio::signal::ctrl_c() => handle.shutdown().await.expect("a clean stop"),
    }
}
