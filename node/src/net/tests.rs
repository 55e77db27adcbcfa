//! The network over real sockets on loopback.
