# Two commands matter: `make demo` and `make test`. Each does all the set-up it needs and is quick when nothing is left.
#
#   make demo     set up, build, then train, evaluate, lock and audit the demo; says where the PNGs are
#   make test     set up, then every test
#   make setup    only the set-up (TORCH=/path/to/torch uses a PyTorch 2.11 that is already there)
#   make gpu      set-up, and the CUDA libraries for training on a GPU

.PHONY: demo test setup gpu lint

# The dev profile is optimised (Cargo.toml), and the tests use it too: one build serves both.
PINFOLD = target/debug/pinfold

setup:
	@TORCH="$(TORCH)" bash scripts/setup.sh

gpu:
	@TORCH="$(TORCH)" bash scripts/setup.sh --gpu

demo: setup
	@cargo build || { echo "make: the build failed; the messages above say where" >&2; exit 4; }
	@$(PINFOLD) run demo
	@$(PINFOLD) lock demo --allow-dirty
	@$(PINFOLD) audit demo --level metrics
	@$(PINFOLD) report demo

test: setup
	cargo test --no-fail-fast

lint: setup
	cargo fmt --all --check
	cargo clippy --all-targets -- -D warnings
	cargo clippy -p pinfold --all-targets --no-default-features -- -D warnings
