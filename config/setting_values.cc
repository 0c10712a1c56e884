#include "config/setting_values.h"

#include "config/key_words.h"
#include "config/listen_address.h"
#include "config/nearest.h"
#include "config/quantities.h"

namespace gatehouse {
namespace {

Failure expected(std::string_view what, std::string_view text) {
  return {FailureKind::bad_configuration, "expects " + std::string(what) + ", not " + quoted(text)};
}

// The index of the choice, letter case free.
Result<std::size_t> choose(const SettingKey& key, std::string_view text) {
  const auto& choices = key.limits.choices;
  for (std::size_t i = 0; i < choices.size(); ++i)
    if (equal_but_case(choices[i], text)) return i;
  const auto meant = nearest(text, choices);
  Failure failure = expected("one of " + limits_text(key), text);
  if (!meant.empty()) failure.detail += " (did you mean " + meant + "?)";
  return failure;
}

// parse(key, text, T{}) makes the value of one text, for each type of slot.

Result<bool> parse(const SettingKey&, std::string_view text, bool) {
  if (equal_but_case(text, "true")) return true;
  if (equal_but_case(text, "false")) return false;
  return expected("true or false", text);
}

Result<std::string> parse(const SettingKey& key, std::string_view text, const std::string&) {
  if (key.limits.host_names) {
    const auto host = HostName::parse_with_wildcard(text);
    if (!host) return host.error();
    return host->text();
  }
  if (key.limits.choices.empty()) return std::string(text);
  const auto choice = choose(key, text);
  if (!choice) return choice.error();
  return std::string(key.limits.choices[*choice]);
}

bool within_limits(const SettingKey& key, std::uint64_t value) {
  return key.limits.most == 0 || (value >= key.limits.least && value <= key.limits.most);
}

Result<Duration> parse(const SettingKey& key, std::string_view text, Duration) {
  const auto duration = parse_duration(text);
  if (!duration) return expected("a duration such as 10s or 1m30s", text);
  const auto ns = static_cast<std::uint64_t>(std::chrono::nanoseconds(*duration).count());
  if (!within_limits(key, ns)) return expected(limits_text(key), text);
  return *duration;
}

Result<std::size_t> parse(const SettingKey& key, std::string_view text, std::size_t) {
  if (key.limits.zero_is_auto && equal_but_case(text, "auto")) return std::size_t{0};
  const auto value = key.limits.bytes ? parse_size(text) : parse_number(text);
  if (!value) return expected("a " + type_text(key) + (key.limits.bytes ? " such as 64KiB" : ""), text);
  if (!within_limits(key, *value)) return expected(limits_text(key), text);
  return static_cast<std::size_t>(*value);
}

Result<std::uint32_t> parse(const SettingKey& key, std::string_view text, std::uint32_t) {
  const auto value = parse(key, text, std::size_t{});
  if (!value) return value.error();
  return static_cast<std::uint32_t>(*value);
}

template <class Enum>
  requires std::is_enum_v<Enum>
Result<Enum> parse(const SettingKey& key, std::string_view text, Enum) {
  const auto choice = choose(key, text);
  if (!choice) return choice.error();
  return static_cast<Enum>(*choice);
}

// `a, b` as two nodes; an empty text is an empty list.
std::vector<SettingNode> split_at_commas(const SettingNode& node) {
  std::vector<SettingNode> items;
  for (std::size_t start = 0; start <= node.text.size() && !node.text.empty();) {
    const auto end = std::min(node.text.find(',', start), node.text.size());
    std::string_view item = std::string_view(node.text).substr(start, end - start);
    while (item.starts_with(' ')) item.remove_prefix(1);
    while (item.ends_with(' ')) item.remove_suffix(1);
    items.push_back({SettingNode::Kind::scalar, std::string(item), {}, node.place});
    start = end + 1;
  }
  return items;
}

class Store {
 public:
  Store(const SettingKey& key, const SettingNode& node, const std::string& path, std::vector<Problem>& problems)
      : key_(key), node_(node), path_(path), problems_(problems) {}

  template <class T>
  void into(T& slot) {
    if (node_.kind != SettingNode::Kind::scalar) return complain(node_, "expects " + type_text(key_) + wrong_kind());
    if (auto value = parse(key_, node_.text, T{})) {
      slot = std::move(*value);
    } else {
      complain(node_, value.error().detail);
    }
  }

  void into(std::vector<std::string>& slot) {
    auto texts = items<std::string>([&](const std::string& text) { return parse(key_, text, std::string()); });
    if (texts) slot = std::move(*texts);
  }

  void into(AddressRanges& slot) {
    const auto texts = items<std::string>([](const std::string& text) -> Result<std::string> {
      if (const auto range = AddressRanges::parse({text}); !range) return range.error();
      return text;
    });
    if (texts) slot = AddressRanges::parse(*texts).value();
  }

  void into(ListenSettings& slot) {
    const auto listen = items<ListenAddress>(parse_listen_address);
    if (!listen) return;
    if (listen->empty()) return complain(node_, "expects [host]:port, such as :80");
    const auto has_any_v6 = [&](bool both_families) {
      return std::any_of(listen->begin(), listen->end(), [&](const auto& a) {
        return a.both_families == both_families && a.endpoint.address == asio::ip::address_v6::any();
      });
    };
    if (has_any_v6(true) && has_any_v6(false))
      return complain(node_, "[::] (only IPv6) and an empty host (both families) do not go together");
    slot.dual_stack = has_any_v6(true);
    slot.addresses.clear();
    for (const auto& address : *listen) slot.addresses.push_back(address.endpoint);
  }

 private:
  void complain(const SettingNode& node, std::string words) {
    problems_.push_back(error_at(node.place, path_, std::move(words)));
  }

  std::string wrong_kind() const {
    if (node_.kind == SettingNode::Kind::map) return ", not further keys";
    if (node_.kind == SettingNode::Kind::list) return ", not a list";
    return "; leave the key out for its default";
  }

  // All items of the list parsed, or nothing after a complaint about each bad one.
  template <class T, class Parse>
  std::optional<std::vector<T>> items(Parse parse_one) {
    if (node_.kind == SettingNode::Kind::null || node_.kind == SettingNode::Kind::map) {
      complain(node_, "expects " + type_text(key_) + wrong_kind());
      return std::nullopt;
    }
    std::vector<SettingNode> nodes = split_at_commas(node_);
    for (const auto& member : node_.members) nodes.push_back(member.value);
    std::vector<T> values;
    for (const auto& node : nodes) {
      if (node.kind == SettingNode::Kind::broken) {
        continue;
      } else if (node.kind != SettingNode::Kind::scalar) {
        complain(node, "expects a text in this list");
      } else if (auto value = parse_one(node.text)) {
        values.push_back(std::move(*value));
      } else {
        complain(node, value.error().detail);
      }
    }
    if (values.size() != nodes.size()) return std::nullopt;
    return values;
  }

  const SettingKey& key_;
  const SettingNode& node_;
  const std::string& path_;
  std::vector<Problem>& problems_;
};

}  // namespace

void store_value(const SettingKey& key, At at, const SettingNode& node, const std::string& path,
                 std::vector<Problem>& problems) {
  const auto store = [&](auto slot) {
    if constexpr (!std::is_void_v<std::invoke_result_t<decltype(slot), At>>)
      Store(key, node, path, problems).into(slot(at));
  };
  std::visit(store, key.slot);
}

}  // namespace gatehouse
