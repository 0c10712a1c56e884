// The one table of keys of the static configuration: parser, limits, suggestions and reference page all read it.
// Names have Traefik's spelling and place where the meaning is Traefik's. `<name>` stands for a name the user gives,
// `[]` for the elements of a list.
#pragma once

#include "config/settings.h"

#include <string>
#include <string_view>
#include <variant>
#include <vector>

namespace gatehouse {

// Where a value goes: the settings, and what stood at each `<name>` and `[]` of the key, in order.
struct At {
  Settings& settings;
  const std::vector<std::string>& names;
};

// The place of a key's value in the settings. The type of the place is the type of the key. void: the key is a
// section whose mere presence means something (`accessLog: {}`).
using Slot = std::variant<void (*)(At), bool& (*)(At), std::string& (*)(At), Duration& (*)(At), std::size_t& (*)(At),
                          std::uint32_t& (*)(At), std::vector<std::string>& (*)(At), AddressRanges& (*)(At),
                          ListenSettings& (*)(At), LogFormat& (*)(At), TlsVersion& (*)(At), CertificateKey& (*)(At),
                          UntilIssued& (*)(At), PropagationCheck& (*)(At), SecretAccess& (*)(At),
                          ServerNameCheck& (*)(At), tls::ClientAuth& (*)(At)>;

// What a value must be besides its type.
struct Limits {
  std::uint64_t least = 0;  // numbers, sizes in bytes, durations in nanoseconds
  std::uint64_t most = 0;   // 0: no limits of this kind
  bool bytes = false;       // a number with KiB, MiB
  bool zero_is_auto = false;
  bool host_names = false;  // each text is a DNS name or a wildcard
  std::vector<std::string_view> choices;  // one of these, letter case free; for enums in their order
};

// The parts of the table about certificatesResolvers.<name>.acme and providers.kubernetes.
std::vector<struct SettingKey> acme_setting_keys();
std::vector<struct SettingKey> kubernetes_setting_keys();

struct SettingKey {
  std::string_view name;
  Slot slot;
  Limits limits;
  std::string_view words;  // for the reference page
};

// A key known from Traefik (or planned) that is not supported, with everything below it.
struct RefusedKey {
  std::string_view name;
  std::string_view instead;  // one sentence: what to do
};

const std::vector<SettingKey>& setting_keys();
const std::vector<RefusedKey>& refused_keys();

// Both tables as a tree, one level per component of the names.
struct KeyTree {
  std::string name;
  const SettingKey* key = nullptr;
  const RefusedKey* refused = nullptr;
  std::vector<KeyTree> children;

  // The child a component stands for: by its name (letter case free), else `<name>`; null when unknown.
  const KeyTree* child(std::string_view component) const;
  const KeyTree* literal_child(std::string_view name) const;
};

KeyTree key_tree();

// `a.<name>.b[].c` as {a, <name>, b, [], c}; also what a user writes: `b[0]` as {b, 0}.
std::vector<std::string> key_components(std::string_view name);

}  // namespace gatehouse
