# The front door. meson.build has the build itself; this installs what is missing and calls it.
#
#   make demo                  train and evaluate on Fashion-MNIST; writes demo/report.html
#   make demo PARTS=DIR        on photos of a part too: DIR/train/good, DIR/test/good, DIR/test/scratch, ...
#   make test                  build with warnings as errors, run all tests
#   make build                 the command and the library, in build/
#   make bench                 compare with PyTorch, ONNX Runtime and OpenVINO (loads 3 GB of them)
#   make install PREFIX=/usr   command, library, header, man page, completion
#   make sanitize              the tests under AddressSanitizer and UndefinedBehaviorSanitizer
#   make coverage              the share of lines of src/ and cli/ that the tests run
#   make mutation              breaks lines one by one: do the tests notice?
#   make clean
#
# CC=clang builds with clang. VIDEO=disabled builds without FFmpeg: pictures, folders of frames and tables alone.

PREFIX ?= /usr/local
BUILD ?= build
VIDEO ?= enabled
video = $(patsubst enabled,video,$(filter enabled,$(VIDEO)))
export CC

.PHONY: build demo test bench install sanitize coverage mutation clean packages
build: $(BUILD)/build.ninja
	@ninja -C $(BUILD) --quiet

$(BUILD)/build.ninja: | packages
	@meson setup $(BUILD) -Dtests=false -Dffmpeg=$(VIDEO) --prefix "$(PREFIX)" $$(tools/libdir.sh) >build.log || { cat build.log; exit 1; }
	@rm -f build.log

packages:
	@tools/install_packages.sh $(video) $(notdir $(CC))

demo: build
	@tools/install_packages.sh demo
	@$(BUILD)/cli/engram demo --force $(if $(PARTS),--parts "$(PARTS)")

# One folder for every compiler: a folder remembers its own.
test:
	@tools/install_packages.sh test $(video) $(notdir $(CC))
	@tests/run.sh build-test-$(notdir $(CC)) -Dffmpeg=$(VIDEO)

sanitize:
	@tools/install_packages.sh test $(video) $(notdir $(CC))
	@tests/run.sh build-sanitize-$(notdir $(CC)) -Dffmpeg=$(VIDEO) -Dwerror=false -Doptimization=1 -Db_sanitize=address,undefined -Db_lundef=false

coverage:
	@tools/install_packages.sh test video
	@tools/coverage.sh build-test-coverage

mutation:
	@tools/install_packages.sh test video
	@tests/mutate.sh build-test-mutation

bench: build
	@tools/install_packages.sh bench
	@bench/run.sh

install: build
	@meson configure $(BUILD) --prefix "$(PREFIX)" $$(tools/libdir.sh)
	@meson install -C $(BUILD)
	@[ -n "$(DESTDIR)" ] || [ "$$(id -u)" != 0 ] || ldconfig

clean:
	rm -rf $(BUILD) build-test-* build-sanitize-* demo
