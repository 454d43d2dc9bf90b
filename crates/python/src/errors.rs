//! What Python is told when something of Rust's stops.

use pyo3::{exceptions::PyRuntimeError, intern, prelude::*};
use samara::embedded::Stopped;

/// `samara.SamaraError` with its exit code.
pub(crate) fn of(stopped: &Stopped) -> PyErr {
    self::stopped(stopped.code, &stopped.message)
}

/// The same of its parts.
pub(crate) fn stopped(code: i32, message: &str) -> PyErr {
    let raised = Python::attach(|py| {
        let class = py.import(intern!(py, "samara.errors"))?.getattr(intern!(py, "SamaraError"))?;
        Ok(PyErr::from_value(class.call1((message, code))?))
    });
    raised.unwrap_or_else(|_: PyErr| PyRuntimeError::new_err(message.to_owned()))
}
