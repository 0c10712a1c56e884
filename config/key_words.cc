#include "config/key_words.h"

#include "config/quantities.h"

namespace gatehouse {
namespace {

struct TypeText {
  const Limits& limits;

  std::string operator()(void (*)(At)) const { return "section"; }
  std::string operator()(bool& (*)(At)) const { return "true or false"; }
  std::string operator()(std::string& (*)(At)) const { return limits.host_names ? "host name" : "text"; }
  std::string operator()(Duration& (*)(At)) const { return "duration"; }
  std::string operator()(std::size_t& (*)(At)) const {
    return limits.bytes ? "size" : limits.zero_is_auto ? "number or auto" : "number";
  }
  std::string operator()(std::uint32_t& (*)(At)) const { return "number"; }
  std::string operator()(std::vector<std::string>& (*)(At)) const {
    return limits.host_names ? "list of host names" : "list of texts";
  }
  std::string operator()(AddressRanges& (*)(At)) const { return "list of addresses and CIDR ranges"; }
  std::string operator()(ListenSettings& (*)(At)) const { return "address or list of them"; }
  std::string operator()(LogFormat& (*)(At)) const { return "text"; }
  std::string operator()(TlsVersion& (*)(At)) const { return "text"; }
  std::string operator()(CertificateKey& (*)(At)) const { return "text"; }
  std::string operator()(UntilIssued& (*)(At)) const { return "text"; }
  std::string operator()(PropagationCheck& (*)(At)) const { return "text"; }
  std::string operator()(SecretAccess& (*)(At)) const { return "text"; }
  std::string operator()(ServerNameCheck& (*)(At)) const { return "text"; }
  std::string operator()(tls::ClientAuth& (*)(At)) const { return "text"; }
};

struct ValueText {
  const Limits& limits;

  std::string operator()(bool value) const { return value ? "true" : "false"; }
  std::string operator()(const std::string& value) const { return value; }
  std::string operator()(Duration value) const { return duration_text(value); }
  std::string operator()(std::size_t value) const {
    if (value == 0 && limits.zero_is_auto) return "auto";
    return limits.bytes ? size_text(value) : std::to_string(value);
  }
  std::string operator()(std::uint32_t value) const { return std::to_string(value); }
  std::string operator()(const std::vector<std::string>& value) const {
    std::string text;
    for (const auto& item : value) text += (text.empty() ? "" : ", ") + item;
    return "[" + text + "]";
  }
  std::string operator()(const AddressRanges& value) const { return value.empty() ? "[]" : "[…]"; }
  std::string operator()(const ListenSettings& value) const {
    std::string text;
    for (const auto& endpoint : value.addresses) {
      const bool both = value.dual_stack && endpoint.address == asio::ip::address_v6::any();
      text += (text.empty() ? "" : ", ") + (both ? ":" + std::to_string(endpoint.port) : endpoint.text());
    }
    return text;
  }
  template <class Enum>
    requires std::is_enum_v<Enum>
  std::string operator()(Enum value) const {
    return std::string(limits.choices.at(static_cast<std::size_t>(value)));
  }
};

std::string bound_text(const SettingKey& key, std::uint64_t bound) {
  if (std::holds_alternative<Duration& (*)(At)>(key.slot))
    return duration_text(std::chrono::duration_cast<Duration>(std::chrono::nanoseconds(bound)));
  return key.limits.bytes ? size_text(bound) : std::to_string(bound);
}

}  // namespace

std::string type_text(const SettingKey& key) { return std::visit(TypeText{key.limits}, key.slot); }

std::string value_text(const SettingKey& key, At at) {
  const auto text = [&](auto slot) -> std::string {
    if constexpr (std::is_void_v<std::invoke_result_t<decltype(slot), At>>) {
      return {};
    } else {
      return ValueText{key.limits}(slot(at));
    }
  };
  return std::visit(text, key.slot);
}

std::string default_text(const SettingKey& key) {
  Settings settings;
  const bool named = key.name.find("<name>") != std::string_view::npos;
  const auto names = named ? std::vector<std::string>{"name", "0"} : std::vector<std::string>{"0"};
  return value_text(key, {settings, names});
}

std::string limits_text(const SettingKey& key) {
  std::string text;
  for (const auto choice : key.limits.choices) text += (text.empty() ? "" : ", ") + std::string(choice);
  if (key.limits.most != 0) text = bound_text(key, key.limits.least) + " to " + bound_text(key, key.limits.most);
  return text;
}

}  // namespace gatehouse
