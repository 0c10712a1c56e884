// Whether some of very many names, wildcards among them, stands for a host: a hash probe or two. Part of translation.
#pragma once

#include "base/names.h"

#include <string>
#include <string_view>
#include <unordered_set>

namespace gatehouse {

// The wildcard that stands for the host; empty when none does.
inline std::string wildcard_of(const HostName& host) {
  const auto dot = host.text().find('.');
  return host.is_wildcard() || dot == std::string::npos ? "" : "*" + host.text().substr(dot);
}

inline bool covers(const std::unordered_set<std::string_view>& names, const HostName& host) {
  return names.contains(host.text()) || names.contains(wildcard_of(host));
}

}  // namespace gatehouse
