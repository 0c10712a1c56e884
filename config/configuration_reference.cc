#include "config/key_words.h"

namespace gatehouse {
namespace {

constexpr std::string_view introduction = R"(# Configuration reference

Generated from the table of keys (`config/setting_keys.cc`); a test keeps it equal. Write the file again with
`GATEHOUSE_WRITE_REFERENCE=1 build/dev/tests/config_tests --gtest_filter='ConfigurationReference.*'`.

The static configuration is one YAML file, `/etc/gatehouse/gatehouse.yaml` unless `--config` says otherwise. Where a
setting means the same as in Traefik v3 it has Traefik's name and place.

- **Names**: letter case of keys is free. `<name>` is a name you choose (letters, digits, `-`, `_`), `[]` the elements
  of a list.
- **Durations**: `10s`, `1m30s`, `1h`, `500ms`; a bare number is seconds. Every wait has a limit; the longest is a year.
- **Sizes**: `64KiB`, `1MiB` (powers of 1024), `1MB` (of 1000), or bytes.
- **Lists** may be one text with commas. Sections whose presence means something (`accessLog`) are turned on by `{}` or
  `true`.
- **Variables**: `${NAME}` and `${NAME:-default}` in values come from the environment; `$${` stands for `${`.
- **Overrides**: `GATEHOUSE_` and the key with `_` for every other separator
  (`GATEHOUSE_ENTRYPOINTS_WEB_ADDRESS=:8000`, `GATEHOUSE_TLS_CERTIFICATES_0_CERTFILE=/a.pem`) wins over the file;
  `--set entryPoints.web.address=:8000` and `--set 'tls.certificates[0].certFile=/a.pem'` win over both.
- **Mistakes** are all reported at once, as `file:line:column: error: key: words`. The file may have 1 MiB, 32 levels
  and one document. `gatehouse check` reads it without serving.

```yaml
entryPoints:
  web:       {address: ":80", http: {redirections: {entryPoint: {to: websecure}}}}
  websecure: {address: ":443", http: {tls: {certResolver: local}}}
  ssh:       {address: ":2222"}
  admin:     {address: "127.0.0.1:8080"}
providers:
  manifests: {directory: /etc/gatehouse/manifests}
certificatesResolvers:
  local: {internal: {}}
accessLog: {}
```
)";

std::string code(const std::string& text) { return text.empty() ? "" : "`" + text + "`"; }

std::string row(const SettingKey& key) {
  return "| `" + std::string(key.name) + "` | " + type_text(key) + " | " + code(default_text(key)) + " | " +
         limits_text(key) + " | " + std::string(key.words) + " |\n";
}

// `entryPoints` of `entryPoints.<name>.address`.
std::string_view section(std::string_view name) { return name.substr(0, name.find('.')); }

}  // namespace

std::string configuration_reference() {
  std::string page(introduction);
  std::string_view current;
  for (const auto& key : setting_keys()) {
    if (section(key.name) != current) {
      current = section(key.name);
      page +=
          "\n## " + std::string(current) + "\n\n| Key | Type | Default | Limits | Meaning |\n|---|---|---|---|---|\n";
    }
    page += row(key);
  }
  page +=
      "\n## Known from Traefik, not supported\n\nThese are refused by name, with everything below them.\n\n"
      "| Key | Instead |\n|---|---|\n";
  for (const auto& refused : refused_keys())
    page += "| `" + std::string(refused.name) + "` | " + std::string(refused.instead) + " |\n";
  return page;
}

}  // namespace gatehouse
