// The configuration as the commands that only look see it: read and translated as `run` would, without serving,
// watching or writing anything.
#pragma once

#include "config/problem.h"
#include "config/settings.h"
#include "config/translation.h"

#include <iosfwd>
#include <map>
#include <optional>
#include <string>
#include <vector>

namespace gatehouse {

struct ConfigurationSource {
  std::string file = "/etc/gatehouse/gatehouse.yaml";
  std::vector<std::string> set;
  std::map<std::string, std::string> environment;

  SettingsOrProblems load() const { return load_settings_file(file, environment, set); }
};

struct Configuration {
  std::optional<Settings> settings;  // nothing when they have an error
  SnapshotPtr snapshot;              // with settings: what `run` would serve
  std::vector<Problem> problems;
  std::vector<CertificateRequest> certificate_requests;
};

enum class Names { resolved, unresolved };  // whether ExternalNames are looked up

Configuration read_configuration(const ConfigurationSource& source, Names names);

// "2 errors and 1 warning", "no problems"
std::string count_of(const std::vector<Problem>& problems);

// For commands about routes: says that there are problems, and with broken settings which.
void warn_of_problems(const Configuration& configuration, std::ostream& err);

}  // namespace gatehouse
