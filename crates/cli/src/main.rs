//! The `samara` binary.

fn main() -> std::process::ExitCode {
    samara::run()
}
