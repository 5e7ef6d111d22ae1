# The commands of this project. `just` lists them.

_default:
    @just --list --unsorted

# Formatting, lints, documentation: what must be clean before a commit
check:
    cargo fmt --all --check
    cargo clippy --locked --all-targets -- -D warnings
    RUSTDOCFLAGS="-D warnings" cargo doc --locked --no-deps

# All tests, as the README has them
test *ARGS:
    cargo test --locked {{ARGS}}

# Everything the continuous integration does, on this machine
ci:
    .ci/run

# The long suites: every byte flipped, every system call disturbed, many random histories
nightly:
    VAULT_TEST_REQUIRE=1 VAULT_TEST_CRASH=full VAULT_TEST_FLIP_STEP=1 VAULT_TEST_MODEL_CASES=10000 \
        VAULT_TEST_REKEY_KILLS=2000 \
        PROPTEST_CASES=10000 cargo test --locked --release

# Accept generated files (completions, manual pages, vectors) as they are now
bless:
    BLESS=1 cargo test --locked
    git status --short

# Dependencies against deny.toml (needs cargo-deny)
deny:
    cargo deny --locked check

# Inner loops
bench *ARGS:
    cargo bench --locked --bench inner {{ARGS}}

# Whole processes beside their peers (see benches/README.md)
bench-process *ARGS:
    cargo build --release --locked
    benches/process.sh data
    benches/process.sh run {{ARGS}}
    benches/process.sh report

# A walk through the program on a vault that is thrown away
demo:
    cargo run --release --locked -- demo
