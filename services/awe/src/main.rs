//! The `awe` program. Everything is in the library, so that tests reach it.

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> std::process::ExitCode {
    awe::cli::main()
}
