// The static configuration: settings, or an error that says why not.
#include "config/settings.h"
#include "tests/fuzz/promise.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace gatehouse;
  SettingsSources sources;
  sources.file = "gatehouse.yaml";
  sources.text = as_text(data, size);
  sources.environment = {{"NAME", "value"}};
  const SettingsOrProblems loaded = load_settings(sources);
  promise(loaded.settings.has_value() != has_error(loaded.problems), "settings, or an error");
  promise(loaded.problems.size() <= 101, "problems are bounded");
  if (loaded.settings) promise(!loaded.settings->entry_points.empty(), "there is an entry point");
  return 0;
}
