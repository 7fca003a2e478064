# Every recipe is a plain command too, so that nothing depends on having just.

# list the recipes
default:
    @just --list

# all that must pass, as CI has it
check:
    .ci/run

# format everything
fmt:
    cargo fmt --all

# what clippy says, as errors
lint:
    cargo clippy --workspace --all-targets --locked -- -D warnings

# all tests; installs the programs that they need
test *ARGS:
    cargo xtask test {{ARGS}}

# take the new snapshots: read the whole difference before committing it
bless:
    cargo xtask bless

# snapshots that no test uses (run the tests first)
orphans:
    cargo xtask orphans

# the documentation of the code
doc:
    RUSTDOCFLAGS="-D warnings" cargo doc --workspace --no-deps

# the plan of one example
plan CASE:
    cargo run --quiet -- plan --config examples/{{CASE}} --node-dir examples/{{CASE}}/node
