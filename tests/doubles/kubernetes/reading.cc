#include "tests/doubles/kubernetes/reading.h"

#include "config/kubernetes/object_reader.h"
#include "tests/doubles/kubernetes/object_text.h"

#include <algorithm>
#include <charconv>

namespace gatehouse::kubernetes::fake {
namespace {

std::optional<std::uint64_t> number(std::string_view text) {
  std::uint64_t value = 0;
  const auto read = std::from_chars(text.data(), text.data() + text.size(), value);
  return read.ec == std::errc() && read.ptr == text.data() + text.size() && !text.empty()
             ? std::optional<std::uint64_t>(value)
             : std::nullopt;
}

std::string unreadable_version(std::string_view text) {
  return "resourceVersion: Invalid value: \"" + std::string(text) + "\": strconv.ParseUint: parsing \"" +
         std::string(text) + "\": invalid syntax";
}

std::uint64_t number_of(const Target& target, std::string_view key) {
  const auto text = target.value(key);
  if (text.empty()) return 0;
  const auto value = number(text);
  if (!value) refuse_bad_request("strconv.ParseInt: parsing \"" + std::string(text) + "\": invalid syntax");
  return *value;
}

void refuse_options(const std::string& field, const std::string& message) {
  static const ResourceType options{
      .group = "meta.k8s.io", .version = "v1", .plural = "", .singular = "", .kind = "ListOptions"};
  refuse_invalid(options, "", {{"FieldValueForbidden", "Forbidden: " + message, field}});
}

// The real one waits three seconds for it first.
void refuse_too_large(Version asked, Version known) {
  refuse({504,
          "Timeout",
          "Timeout: Too large resource version: " + std::to_string(asked) + ", current: " + std::to_string(known),
          nullptr,
          "",
          {{"ResourceVersionTooLarge", "Too large resource version", ""}},
          1});
}

// Where a page begins.
struct Page {
  Version version = 0;
  bool consistent = true;
  Key after = {};  // the last one of the page before
};

std::string token_of(const Page& page) {
  const json::object value{{"v", "meta.k8s.io/v1"},
                           {"rv", page.consistent ? static_cast<std::int64_t>(page.version) : -1},
                           {"start", page.after.ns + "\n" + page.after.name}};
  std::string token = encode_base64(json::serialize(value));
  std::ranges::replace(token, '+', '-');
  std::ranges::replace(token, '/', '_');
  token.resize(std::min(token.find('='), token.size()));
  return token;
}

std::optional<Page> page_of(std::string token) {
  std::ranges::replace(token, '-', '+');
  std::ranges::replace(token, '_', '/');
  token.append((4 - token.size() % 4) % 4, '=');
  boost::system::error_code error;
  const json::value value = json::parse(decode_base64(token).value_or(""), error);
  if (error || !value.is_object() || !value.get_object().contains("rv")) return std::nullopt;
  const std::string start = text_field(value.get_object(), {"start"});
  const auto version = value.at("rv").to_number<std::int64_t>(error);
  const auto line = start.find('\n');
  if (error || line == std::string::npos) return std::nullopt;
  return Page{static_cast<Version>(std::max<std::int64_t>(version, 0)),
              version >= 0,
              {start.substr(0, line), start.substr(line + 1)}};
}

Page continued(const State& state, const Table& table, const Target& target) {
  if (!target.value("resourceVersion").empty() && target.value("resourceVersion") != "0")
    refuse_bad_request("specifying resource version is not allowed when using continue");
  auto page = page_of(std::string(target.value("continue")));
  if (!page) refuse_bad_request("continue key is not valid");
  if (!page->consistent) page->version = state.store.version();
  if (page->version < table.forgotten) {
    const Page rest{0, false, page->after};
    refuse({410,
            "Expired",
            "The provided continue parameter is too old to display a consistent list result. You can start a new list "
            "without the continue parameter, or use the continue token in this response to retrieve the remainder of "
            "the results.",
            nullptr,
            "",
            {},
            0,
            token_of(rest)});
  }
  return *page;
}

void refuse_unfit_version(const Target& target) {
  const auto match = target.value("resourceVersionMatch");
  const auto text = target.value("resourceVersion");
  if (match.empty()) return;
  if (text.empty())
    refuse_options("resourceVersionMatch", "resourceVersionMatch is forbidden unless resourceVersion is provided");
  if (match == "Exact" && text == "0")
    refuse_options("resourceVersionMatch", "resourceVersionMatch \"exact\" is forbidden for resourceVersion \"0\"");
}

// The version that is to be shown.
Page first_page(const State& state, const Table& table, const Target& target, bool limited) {
  refuse_unfit_version(target);
  const auto match = target.value("resourceVersionMatch");
  const auto text = target.value("resourceVersion");
  if (text.empty()) return {state.store.version()};
  const auto asked = number(text);
  if (!asked) refuse_bad_request("invalid resource version: " + unreadable_version(text));
  if (*asked == 0) return {state.visible()};
  if (match != "Exact" && !(limited && match.empty())) {
    if (*asked > state.visible()) refuse_too_large(*asked, state.visible());
    return {state.visible()};
  }
  if (*asked > state.store.version()) refuse_too_large(*asked, state.store.version());
  if (*asked < table.forgotten) refuse({410, "Expired", "The resourceVersion for the provided list is too old."});
  return {*asked};
}

struct Listed {
  std::vector<StoredPtr> items;
  std::string continue_token;
  std::size_t remaining = 0;
};

Listed pick(const Table& table, const Page& page, const Call& call, const Selector& selector, std::size_t limit) {
  const auto past = page.version < (table.history.empty() ? 0 : table.history.back().version)
                        ? std::optional(ObjectStore::at(table, page.version))
                        : std::nullopt;
  const auto& objects = past ? *past : table.objects;
  Listed listed;
  const std::string& ns = table.type.namespaced ? call.target.ns : std::string();
  Key last;
  for (auto each = objects.upper_bound(page.after); each != objects.end(); ++each) {
    if (!ns.empty() && each->first.ns != ns) continue;
    if (!selector.everything() && !selector.matches(each->second->value)) continue;
    if (limit > 0 && listed.items.size() == limit) {
      ++listed.remaining;
      continue;
    }
    listed.items.push_back(each->second);
    last = each->first;
  }
  if (listed.remaining > 0) listed.continue_token = token_of({page.version, true, last});
  return listed;
}

bool wants_metadata(const Call& call) { return call.accept.find("as=PartialObjectMetadata") != std::string::npos; }

std::string metadata_only(const Stored& stored) {
  return json::serialize(json::object{
      {"kind", "PartialObjectMetadata"}, {"apiVersion", "meta.k8s.io/v1"}, {"metadata", stored.value.at("metadata")}});
}

std::string list_metadata(Version version, const Listed& listed, const ResourceType& type, bool selected) {
  json::object metadata;
  if (type.custom) metadata["continue"] = listed.continue_token;
  if (!type.custom) metadata["resourceVersion"] = std::to_string(version);
  if (!type.custom && listed.remaining > 0) metadata["continue"] = listed.continue_token;
  if (listed.remaining > 0 && !selected) metadata["remainingItemCount"] = listed.remaining;
  if (type.custom) metadata["resourceVersion"] = std::to_string(version);
  return json::serialize(metadata);
}

std::string joined_items(const std::vector<StoredPtr>& items, const ResourceType& type, bool metadata) {
  std::string text;
  for (const auto& item : items) {
    if (!text.empty()) text += ',';
    text += metadata ? metadata_only(*item) : type.custom ? item->text : item->item();
  }
  return text;
}

bool wants_initial_events(const State& state, const Target& target) {
  const bool asked = !target.value("sendInitialEvents").empty();
  if (!asked || state.options.watch_list == WatchList::ignored) return false;
  if (state.options.watch_list == WatchList::forbidden)
    refuse_options("sendInitialEvents",
                   "sendInitialEvents is forbidden for watch unless the WatchList feature gate is enabled");
  if (target.value("resourceVersionMatch") != "NotOlderThan")
    refuse_options("resourceVersionMatch", "sendInitialEvents requires setting resourceVersionMatch to NotOlderThan");
  return target.flag("sendInitialEvents");
}

void add_initial_events(const State& state, Watch& watch) {
  watch.sent = state.visible();
  for (const auto& [key, object] : ObjectStore::at(*watch.table, watch.sent))
    if ((watch.ns.empty() || key.ns == watch.ns) && watch.selector.matches(object->value))
      watch.lines.push_back(event_line("ADDED", object->text));
}

// Nothing when the change does not show in this watch.
std::string line_of(const Watch& watch, const Change& change) {
  if (!watch.ns.empty() && key_of(change.after->value).ns != watch.ns) return "";
  const bool was = change.before && watch.selector.matches(change.before->value);
  const bool is = !change.deleted && watch.selector.matches(change.after->value);
  if (is) return event_line(was ? "MODIFIED" : "ADDED", change.after->text);
  if (!was) return "";
  return event_line("DELETED", change.deleted ? change.after->text
                                              : stored(watch.table->type, change.before->value, change.version)->text);
}

}  // namespace

Selector selector_of(const Table& table, const Call& call) {
  Selector selector;
  const auto complaint =
      selector.read(call.target.value("labelSelector"), call.target.value("fieldSelector"), table.type);
  if (!complaint.empty()) refuse_bad_request(complaint);
  return selector;
}

Reply get(const Table& table, const Call& call) {
  const auto found = table.objects.find({table.type.namespaced ? call.target.ns : "", call.target.name});
  if (found == table.objects.end()) refuse_not_found(table.type, call.target.name);
  return {.body = (wants_metadata(call) ? metadata_only(*found->second) : found->second->text) + "\n"};
}

Reply list(const State& state, const Table& table, const Call& call) {
  const auto selector = selector_of(table, call);
  std::size_t limit = number_of(call.target, "limit");
  const bool goes_on = !call.target.value("continue").empty();
  const Page page = goes_on ? continued(state, table, call.target) : first_page(state, table, call.target, limit > 0);
  if (!goes_on && call.target.value("resourceVersion") == "0") limit = 0;  // caches do not page
  const Listed listed = pick(table, page, call, selector, limit);
  const std::string metadata = list_metadata(page.version, listed, table.type, !selector.everything());
  const std::string items = "[" + joined_items(listed.items, table.type, wants_metadata(call)) + "]";
  if (wants_metadata(call))
    return {.body = R"({"kind":"PartialObjectMetadataList","apiVersion":"meta.k8s.io/v1","metadata":)" + metadata +
                    R"(,"items":)" + items + "}\n"};
  const std::string kind = table.type.kind + "List", version = table.type.api_version();
  if (table.type.custom)
    return {.body = R"({"apiVersion":")" + version + R"(","items":)" + items + R"(,"kind":")" + kind +
                    R"(","metadata":)" + metadata + "}\n"};
  return {.body = R"({"kind":")" + kind + R"(","apiVersion":")" + version + R"(","metadata":)" + metadata +
                  R"(,"items":)" + items + "}\n"};
}

Reply watch(const State& state, const Table& table, const Call& call) {
  auto opened = std::make_shared<Watch>();
  opened->table = &table;
  opened->ns = table.type.namespaced ? call.target.ns : "";
  opened->selector = selector_of(table, call);
  opened->bookmarks = call.target.flag("allowWatchBookmarks");
  opened->timeout = std::chrono::seconds(number_of(call.target, "timeoutSeconds"));
  const auto given = call.target.value("resourceVersion");
  if (!given.empty() && !number(given)) refuse({500, "", unreadable_version(given)});
  const Version from = number_of(call.target, "resourceVersion");
  const bool streamed = wants_initial_events(state, call.target);
  if (from > state.visible() && streamed) refuse_too_large(from, state.visible());
  if (streamed || from == 0) {
    add_initial_events(state, *opened);
    // Servers that know streamed lists mark their end for those, too, who did not ask for one but want bookmarks.
    if (opened->bookmarks && state.options.watch_list == WatchList::supported)
      opened->lines.push_back(bookmark_line(table.type, opened->sent, true));
  } else if (from < table.forgotten) {
    if (state.options.gone_as_status)
      refuse({410, "Expired",
              "too old resource version: " + std::to_string(from) + " (" + std::to_string(table.forgotten + 1) + ")"});
    opened->lines.push_back(gone_line(*opened, from));
    opened->ended = true;
  } else {
    opened->sent = from;
  }
  return {.watch = std::move(opened)};
}

void catch_up(const State& state, Watch& watch) {
  if (watch.ended) return;
  const Table& table = *watch.table;
  if (watch.sent < table.forgotten) {
    watch.lines.push_back(gone_line(watch, watch.sent));
    watch.ended = true;
    return;
  }
  auto change = std::ranges::upper_bound(table.history, watch.sent, {}, &Change::version);
  for (; change != table.history.end() && change->version <= state.visible(); ++change)
    if (auto line = line_of(watch, *change); !line.empty()) watch.lines.push_back(std::move(line));
  watch.sent = std::max(watch.sent, state.visible());
  if (!table.served) watch.ended = true;
}

std::string event_line(std::string_view type, std::string_view object) {
  return R"({"type":")" + std::string(type) + R"(","object":)" + std::string(object) + "}\n";
}

std::string bookmark_line(const ResourceType& type, Version version, bool initial_events_end) {
  json::object metadata, object{{"kind", type.kind}, {"apiVersion", type.api_version()}};
  if (initial_events_end) metadata["annotations"] = json::object{{"k8s.io/initial-events-end", "true"}};
  object["metadata"] = metadata;
  // What the Go structs write even when it is empty.
  if (type.kind == "Service" || type.kind == "Ingress")
    object["status"] = json::object{{"loadBalancer", json::object()}};
  if (type.kind == "EndpointSlice") object["addressType"] = "";
  if (type.kind == "EndpointSlice") object["endpoints"] = object["ports"] = nullptr;
  if (type.kind != "EndpointSlice" && type.kind != "Secret" && type.kind != "ConfigMap" && !type.custom)
    object["spec"] = json::object();
  return event_line("BOOKMARK", stored(type, object, version)->text);
}

std::string gone_line(const Watch& watch, Version asked) {
  return event_line("ERROR", json::serialize(status_of({410, "Expired",
                                                        "too old resource version: " + std::to_string(asked) + " (" +
                                                            std::to_string(watch.table->forgotten + 1) + ")"})));
}

}  // namespace gatehouse::kubernetes::fake
