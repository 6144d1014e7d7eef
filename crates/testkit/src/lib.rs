//! Contract suites for the ports, failing fakes, a Lambda Runtime API server, builders.
