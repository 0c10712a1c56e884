#include "tests/doubles/kubernetes/api_server.h"

#include "tests/doubles/kubernetes/exchange.h"
#include "tests/doubles/kubernetes/object_text.h"
#include "tests/doubles/kubernetes/patches.h"
#include "tests/doubles/kubernetes/reading.h"
#include "tests/doubles/kubernetes/writing.h"

#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/post.hpp>

#include <algorithm>
#include <future>
#include <stdexcept>
#include <thread>

namespace gatehouse::kubernetes::fake {
namespace {

constexpr const char* certificate_names =
    "DNS:localhost,DNS:kubernetes,DNS:kubernetes.default,DNS:kubernetes.default.svc,IP:127.0.0.1,IP:::1";

struct Reference {
  std::string resource;
  Key key;
};

Reference parse_reference(std::string_view text) {
  const std::size_t first = text.find('/'), last = text.rfind('/');
  if (first == std::string_view::npos) throw std::runtime_error("not RESOURCE/[NAMESPACE/]NAME: " + std::string(text));
  const auto ns = first == last ? std::string_view() : text.substr(first + 1, last - first - 1);
  return {std::string(text.substr(0, first)), {std::string(ns), std::string(text.substr(last + 1))}};
}

Table& table_of(ObjectStore& store, std::string_view resource) {
  Table* table = store.find_dotted(resource);
  if (table == nullptr) throw std::runtime_error("no such resource: " + std::string(resource));
  return *table;
}

const Table& table_of(const State& state, std::string_view resource) {
  return table_of(const_cast<ObjectStore&>(state.store), resource);
}

bool is_about(const Watch& watch, std::string_view resource) {
  return resource.empty() || watch.table->type.plural == resource || watch.table->type.dotted() == resource;
}

void apply_object(State& state, json::object object) {
  const std::string version = text_field(object, {"apiVersion"}), kind = text_field(object, {"kind"});
  Table* table = state.store.find_kind(version, kind);
  if (table == nullptr) throw std::runtime_error("no such kind: " + version + " " + kind);
  if (key_of(object).name.empty()) throw std::runtime_error(kind + " without a name");
  put_as_is(state, *table, std::move(object));
}

void end_watch(Watch& watch, WatchEnd how) {
  const std::string half =
      event_line("MODIFIED", R"({"kind":")" + watch.table->type.kind + R"(","apiVersion":"v1","metadata":{"na)");
  switch (how) {
    case WatchEnd::properly: break;
    case WatchEnd::cut: watch.cut = true; break;
    case WatchEnd::cut_in_an_object:
      watch.lines.push_back(half.substr(0, half.size() - 2));
      watch.cut = true;
      break;
    case WatchEnd::expired: watch.lines.push_back(gone_line(watch, watch.sent)); break;
    case WatchEnd::failed:
      watch.lines.push_back(
          event_line("ERROR", json::serialize(status_of({500, "InternalError", "etcdserver: as the test wants it"}))));
      break;
    case WatchEnd::garbage: watch.lines.push_back("<html>not JSON</html>\n"); return;
  }
  watch.ended = true;
}

std::string indented(const std::string& key, const std::string& text) {
  return text.empty() ? "" : "    " + key + ": " + text + "\n";
}

}  // namespace

std::string_view SeenRequest::header(std::string_view lower_case_name) const {
  for (const auto& [key, value] : headers)
    if (key == lower_case_name) return value;
  return {};
}

json::value View::object(std::string_view reference) const {
  const auto [resource, key] = parse_reference(reference);
  const Table& table = table_of(state_, resource);
  const auto found = table.objects.find(key);
  return found == table.objects.end() ? json::value() : json::value(found->second->value);
}

std::vector<json::value> View::objects(std::string_view resource) const {
  std::vector<json::value> all;
  for (const auto& [key, object] : table_of(state_, resource).objects) all.emplace_back(object->value);
  return all;
}

const std::vector<SeenRequest>& View::requests() const { return state_.requests; }

std::size_t View::count(std::string_view verb, std::string_view resource) const {
  return static_cast<std::size_t>(std::ranges::count_if(
      state_.requests, [&](const SeenRequest& each) { return each.verb == verb && each.resource == resource; }));
}

std::size_t View::watches(std::string_view resource) const {
  return static_cast<std::size_t>(std::ranges::count_if(
      state_.watches, [&](const auto& each) { return !each->ended && is_about(*each, resource); }));
}

bool View::caught_up(std::string_view resource) const {
  return std::ranges::all_of(state_.watches, [&](const auto& each) {
    return !is_about(*each, resource) ||
           (each->sent == state_.store.version() && each->lines.empty() && each->writing == 0);
  });
}

std::uint64_t View::version() const { return state_.store.version(); }

class ApiServer::Running {
 public:
  explicit Running(Options options)
      : shared_(std::move(options)), front_(io_, [this](std::shared_ptr<Wire> wire, HttpRequest request) {
          return exchange(io_, shared_, std::move(wire), std::move(request));
        }) {
    const Options& wanted = shared_.state.options;
    for (const char* name : {"default", "kube-system"})
      put_as_is(shared_.state, *shared_.state.store.find("", "namespaces"),
                json::object{{"metadata", json::object{{"name", name}}}});
    if (wanted.https) front_.use_tls(authority_, authority_.sign("kube-apiserver", certificate_names));
    front_.bind(wanted.ipv6 ? std::vector<std::string>{"127.0.0.1", "::1"} : std::vector<std::string>{"127.0.0.1"},
                wanted.port);
    front_.open();
    thread_ = std::thread([this] { io_.run(); });
  }

  ~Running() {
    io_.stop();
    thread_.join();
    shared_.state.watches.clear();
  }

  // In the server's thread, to its end.
  void in_thread(const std::function<void(HttpFront&)>& work) {
    std::promise<void> done;
    asio::post(io_, [&] {
      work(front_);
      done.set_value();
    });
    done.get_future().wait();
  }

  template <class Work>
  auto locked(Work work) {
    std::lock_guard lock(shared_.mutex);
    struct Tell {
      ~Tell() { shared.changed(); }
      Shared& shared;
    } const tell{shared_};
    return work(shared_.state);
  }

  template <class Look>
  auto look(Look see) const {
    std::lock_guard lock(shared_.mutex);
    return see(View(shared_.state));
  }

  bool await(const std::function<bool(const View&)>& condition, Duration limit) const {
    std::unique_lock lock(shared_.mutex);
    return shared_.look_again.wait_for(lock, limit, [&] { return condition(View(shared_.state)); });
  }

  std::uint16_t port() const { return front_.port(); }
  const Authority& authority() const { return authority_; }
  const PemPair& client() const { return client_; }
  const Options& options() const { return shared_.state.options; }

 private:
  Shared shared_;
  Authority authority_;
  PemPair client_ = authority_.sign("test-client", "");
  asio::io_context io_{1};
  asio::executor_work_guard<asio::io_context::executor_type> work_ = asio::make_work_guard(io_);
  HttpFront front_;
  std::thread thread_;
};

ApiServer::ApiServer(Options options) : running_(std::make_unique<Running>(std::move(options))) {
  if (!running_->options().traefik) return;
  install_crd("traefik.io");
  install_crd("traefik.containo.us");
}

ApiServer::~ApiServer() = default;

std::string ApiServer::url() const {
  return (running_->options().https ? "https://127.0.0.1:" : "http://127.0.0.1:") + std::to_string(port());
}

std::uint16_t ApiServer::port() const { return running_->port(); }

const std::string& ApiServer::ca_pem() const {
  static const std::string none;
  return running_->options().https ? running_->authority().pem() : none;
}

const std::string& ApiServer::client_certificate_pem() const { return running_->client().certificate; }
const std::string& ApiServer::client_key_pem() const { return running_->client().key; }

std::string ApiServer::kubeconfig() const {
  const auto& tokens = running_->options().tokens;
  const bool by_certificate = tokens.empty() && running_->options().https;
  const auto data = [](bool wanted, const std::string& pem) { return wanted ? encode_base64(pem) : std::string(); };
  const std::string user = indented("token", tokens.empty() ? "" : *tokens.begin()) +
                           indented("client-certificate-data", data(by_certificate, client_certificate_pem())) +
                           indented("client-key-data", data(by_certificate, client_key_pem()));
  return "apiVersion: v1\nkind: Config\ncurrent-context: test\nclusters:\n- name: test\n  cluster:\n    server: " +
         url() + "\n" + indented("certificate-authority-data", data(!ca_pem().empty(), ca_pem())) +
         "contexts:\n- name: test\n  context:\n    cluster: test\n    user: test\nusers:\n- name: test\n  user:" +
         (user.empty() ? " {}\n" : "\n" + user);
}

void ApiServer::apply(std::string_view text) {
  auto objects = parse_objects(text);
  running_->locked([&](State& state) {
    for (auto& object : objects) apply_object(state, std::move(object));
  });
}

void ApiServer::patch(std::string_view reference, std::string_view change) {
  boost::system::error_code error;
  const json::value parsed = json::parse(change, error);
  if (error) throw std::runtime_error("not JSON: " + std::string(change));
  const auto [resource, key] = parse_reference(reference);
  running_->locked([&, &resource = resource, &key = key](State& state) {
    Table& table = table_of(state.store, resource);
    const auto found = table.objects.find(key);
    if (found == table.objects.end()) throw std::runtime_error("not there: " + resource + "/" + key.text());
    json::value object = found->second->value;
    merge_patch(object, parsed);
    put_as_is(state, table, std::move(object.get_object()));
  });
}

bool ApiServer::remove(std::string_view reference) {
  const auto [resource, key] = parse_reference(reference);
  return running_->locked([&, &resource = resource, &key = key](State& state) {
    return erase(state, table_of(state.store, resource), key);
  });
}

void ApiServer::install_crd(std::string_view group) { apply(tcp_route_crd(group)); }

void ApiServer::remove_crd(std::string_view group) {
  remove("customresourcedefinitions/ingressroutetcps." + std::string(group));
}

json::value ApiServer::object(std::string_view reference) const {
  return running_->look([&](const View& now) { return now.object(reference); });
}

std::vector<json::value> ApiServer::objects(std::string_view resource) const {
  return running_->look([&](const View& now) { return now.objects(resource); });
}

std::vector<SeenRequest> ApiServer::requests() const {
  return running_->look([](const View& now) { return now.requests(); });
}

void ApiServer::forget_requests() {
  running_->locked([](State& state) {
    state.forgotten_requests += state.requests.size();
    state.requests.clear();
  });
}

bool ApiServer::await(const std::function<bool(const View&)>& condition, Duration limit) const {
  return running_->await(condition, limit);
}

void ApiServer::set_tokens(std::set<std::string> tokens) {
  running_->locked([&](State& state) { state.tokens = std::move(tokens); });
}

void ApiServer::forbid(std::string verb, std::string resource) {
  running_->locked([&](State& state) { state.forbidden.emplace(std::move(verb), std::move(resource)); });
}

void ApiServer::allow_all() {
  running_->locked([](State& state) { state.forbidden.clear(); });
}

void ApiServer::inject(Fault fault) {
  running_->locked([&](State& state) { state.faults.push_back(std::move(fault)); });
}

void ApiServer::clear_faults() {
  running_->locked([](State& state) { state.faults.clear(); });
}

void ApiServer::end_watches(WatchEnd how, std::string_view resource) {
  running_->locked([&](State& state) {
    for (const auto& each : state.watches)
      if (is_about(*each, resource) && !each->ended) end_watch(*each, how);
  });
}

void ApiServer::bookmark(std::string_view resource) {
  running_->locked([&](State& state) {
    for (const auto& each : state.watches)
      if (each->bookmarks && is_about(*each, resource) && !each->ended)
        each->lines.push_back(bookmark_line(each->table->type, each->sent, false));
  });
}

void ApiServer::freeze_cache() {
  running_->locked([](State& state) { state.frozen = state.store.version(); });
}

void ApiServer::thaw_cache() {
  running_->locked([](State& state) { state.frozen.reset(); });
}

void ApiServer::compact() {
  running_->locked([](State& state) { state.store.forget_history(); });
}

void ApiServer::stop() {
  running_->in_thread([](HttpFront& front) { front.close(); });
}

void ApiServer::start() {
  running_->in_thread([](HttpFront& front) { front.open(); });
}

void ApiServer::cut_connections() {
  running_->in_thread([](HttpFront& front) { front.cut_connections(); });
}

}  // namespace gatehouse::kubernetes::fake
