//! What only some systems have. Elsewhere it is left out, and nothing but the figures is worse for it.

use socket2::SockRef;
use std::io;

/// Bytes that may lie unsent in the kernel before a socket counts as full: without this a reader that stopped is noticed
/// only after megabytes.
#[cfg(any(target_os = "linux", target_os = "android"))]
const UNSENT_MAX: u32 = 16 * 1024;

#[cfg(any(target_os = "linux", target_os = "android"))]
pub(crate) fn bound_unsent(socket: SockRef<'_>) -> io::Result<()> {
    socket.set_tcp_notsent_lowat(UNSENT_MAX)
}

/// The system has no such bound: its own send buffer is it.
#[cfg(not(any(target_os = "linux", target_os = "android")))]
pub(crate) fn bound_unsent(_socket: SockRef<'_>) -> io::Result<()> {
    Ok(())
}
