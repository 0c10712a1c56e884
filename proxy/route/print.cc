#include "proxy/route/print.h"

#include "proxy/route/path_match.h"
#include "proxy/route/precedence.h"

#include <algorithm>

namespace gatehouse {
namespace {

std::string_view kind_name(PathKind kind) {
  static constexpr std::string_view names[] = {"exact", "prefix", "regex"};
  return names[static_cast<std::size_t>(kind)];
}

std::string host_text(const HttpRoute& route) { return route.host.empty() ? "*" : route.host; }
std::string path_text(const HttpRoute& route) { return route.path.empty() ? "/" : route.path; }

std::string printable(std::string_view text) {
  static constexpr char digits[] = "0123456789abcdef";
  std::string out;
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    if (byte >= 0x20 && byte != 0x7f)
      out += c;
    else
      out.append("\\x").append(1, digits[byte / 16]).append(1, digits[byte % 16]);
  }
  return out;
}

// In characters, not bytes: the text is UTF-8.
std::size_t width(std::string_view text) {
  return static_cast<std::size_t>(std::count_if(text.begin(), text.end(), [](char c) { return (c & 0xc0) != 0x80; }));
}

std::string priority_text(const HttpRoute& route, bool wanted) {
  if (!wanted || !route.creates_host) return "";
  if (route.priority != 0) return std::to_string(route.priority);
  return "(" + std::to_string(default_priority(route)) + ")";
}

std::string tls_text(const HttpRoute& route) {
  const bool named = route.tls_options && route.tls_options->can_be_met();
  return (route.tls_only ? "tls" : "") + (named ? ":" + route.tls_options->name : std::string());
}

}  // namespace

std::string aligned(const std::vector<std::vector<std::string>>& rows) {
  std::vector<std::vector<std::string>> cells = rows;
  std::vector<std::size_t> widths;
  for (auto& row : cells) {
    widths.resize(std::max(widths.size(), row.size()));
    for (std::size_t i = 0; i < row.size(); ++i) {
      row[i] = printable(row[i]);
      widths[i] = std::max(widths[i], width(row[i]));
    }
  }
  std::string text;
  for (const auto& row : cells) {
    std::string line;
    for (std::size_t i = 0; i < row.size(); ++i)
      if (widths[i] > 0) line.append(row[i]).append(widths[i] - width(row[i]) + 2, ' ');
    line.erase(line.find_last_not_of(' ') + 1);
    text.append(line).append("\n");
  }
  return text;
}

std::string print_target(const Service* service, std::string_view missing, std::string_view otherwise) {
  std::string text = "→ ";
  if (!service) return text.append(otherwise).append(" ").append(missing.empty() ? "no service" : missing);
  if (service->endpoints.empty())
    return text.append(otherwise).append(" ").append(service->name).append(" has no ready endpoint");
  text.append(service->name).append(" [");
  for (const auto& endpoint : service->endpoints)
    text.append(&endpoint == service->endpoints.data() ? "" : ", ").append(endpoint.text());
  return text + "]";
}

std::string print_route(const HttpRoute& route) {
  return printable(host_text(route) + " " + std::string(kind_name(path_kind_of(route))) + " " + path_text(route) + " " +
                   print_target(route.service.get(), route.missing, "503"));
}

std::string print_routes(std::span<const HttpRoutePtr> routes) {
  const bool priorities = std::any_of(routes.begin(), routes.end(), [](const auto& r) { return r->priority != 0; });
  std::vector<std::vector<std::string>> rows;
  rows.reserve(routes.size());
  for (const auto& route : routes)
    rows.push_back({host_text(*route), std::string(kind_name(path_kind_of(*route))), path_text(*route),
                    priority_text(*route, priorities), tls_text(*route),
                    print_target(route->service.get(), route->missing, "503"), route->name});
  return aligned(rows);
}

}  // namespace gatehouse
