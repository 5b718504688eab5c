//! Takes a snapshot off a connection. Parsing it costs CPU, so that happens on a thread for such work.

use storage::zk::intake::SnapshotIntake;

use super::packets::Packets;

/// Feeds what comes to `intake` until it is whole; packets follow then.
///
/// # Errors
/// The connection ended or stopped, or what it brought is no snapshot.
pub async fn receive(mut intake: Box<SnapshotIntake>, packets: &mut Packets) -> Result<Box<SnapshotIntake>, String> {
    loop {
        let piece = packets.raw().await?;
        let feed = move || {
            let fed = intake.feed(piece);
            (intake, fed)
        };
        let (fed_intake, fed) = tokio::task::spawn_blocking(feed).await.map_err(|error| error.to_string())?;
        intake = fed_intake;
        match fed {
            Ok(Some(rest)) => {
                packets.put_back(&rest);
                return Ok(intake);
            }
            Ok(None) => {}
            Err(error) => return Err(format!("cannot take its snapshot: {error}")),
        }
    }
}
