//! The composition root: configuration and URIs to ports.
