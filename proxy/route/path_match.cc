#include "proxy/route/path_match.h"

namespace gatehouse {
namespace {

int hex_value(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  return -1;
}

// RFC 3986 §2.3.
bool is_unreserved(int c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' || c == '.' ||
         c == '_' || c == '~';
}

// The byte that `path` escapes at `at`, or -1 when the escape is malformed or hides a NUL.
int escaped_byte(std::string_view path, std::size_t at) {
  if (at + 2 >= path.size()) return -1;
  const int high = hex_value(path[at + 1]);
  const int low = hex_value(path[at + 2]);
  if (high < 0 || low < 0 || (high == 0 && low == 0)) return -1;
  return high * 16 + low;
}

bool is_lower(char c) { return c >= 'a' && c <= 'z'; }

// Whether the element after the slash at `at` is empty (and not the last), `.` or `..`.
bool element_vanishes(std::string_view path, std::size_t at) {
  const auto ends = [&](std::size_t i) { return i == path.size() || path[i] == '/'; };
  std::size_t i = at + 1;
  if (i < path.size() && path[i] == '/') return true;
  if (i == path.size() || path[i] != '.') return false;
  if (ends(++i)) return true;
  return path[i] == '.' && ends(i + 1);
}

bool is_normal(std::string_view path) {
  for (std::size_t i = 0; i < path.size(); ++i) {
    if (path[i] == '/' && element_vanishes(path, i)) return false;
    if (path[i] != '%') continue;
    const int byte = escaped_byte(path, i);
    if (byte < 0 || is_unreserved(byte) || is_lower(path[i + 1]) || is_lower(path[i + 2])) return false;
  }
  return true;
}

bool decode_unreserved(std::string_view raw, std::string& decoded) {
  static constexpr char digits[] = "0123456789ABCDEF";
  decoded.clear();
  for (std::size_t i = 0; i < raw.size(); ++i) {
    if (raw[i] != '%') {
      decoded += raw[i];
      continue;
    }
    const int byte = escaped_byte(raw, i);
    if (byte < 0) return false;
    if (is_unreserved(byte)) {
      decoded += static_cast<char>(byte);
    } else {
      decoded += '%';
      decoded += digits[byte / 16];
      decoded += digits[byte % 16];
    }
    i += 2;
  }
  return true;
}

// In place: what is written never overtakes what is read.
bool resolve_elements(std::string& path) {
  std::size_t written = 0;
  for (std::size_t at = 0; at < path.size();) {
    const std::size_t end = std::min(path.find('/', at + 1), path.size());
    const std::string_view element(path.data() + at + 1, end - at - 1);
    const bool last = end == path.size();
    const bool up = element == "..";
    if (up && written == 0) return false;
    if (up) written = path.rfind('/', written - 1);
    if (up || element == "." || element.empty()) {
      if (last) path[written++] = '/';
    } else {
      path.replace(written, 1, 1, '/');
      std::copy(element.begin(), element.end(), path.begin() + static_cast<std::ptrdiff_t>(written) + 1);
      written += element.size() + 1;
    }
    at = end;
  }
  path.resize(written);
  return true;
}

}  // namespace

std::optional<std::string_view> normalised_path(std::string_view raw, std::string& storage) {
  if (raw.empty()) return "/";
  if (raw == "*") return raw;
  if (raw[0] != '/') return std::nullopt;
  if (is_normal(raw)) return raw;
  if (!decode_unreserved(raw, storage) || !resolve_elements(storage)) return std::nullopt;
  return storage;
}

PathKind path_kind_of(const HttpRoute& route) { return route.path.empty() ? PathKind::prefix : route.path_kind; }

std::string_view comparable_path(const HttpRoute& route, std::string& storage) {
  const PathKind kind = path_kind_of(route);
  if (kind == PathKind::regex) return route.path;
  std::string_view path = normalised_path(route.path, storage).value_or(route.path);
  if (kind == PathKind::prefix && path.ends_with('/')) path.remove_suffix(1);
  return path;
}

bool prefix_covers(std::string_view prefix, std::string_view path) {
  return path.starts_with(prefix) && (prefix.empty() || path.size() == prefix.size() || path[prefix.size()] == '/');
}

}  // namespace gatehouse
