#include "config/kubernetes/kubeconfig.h"

#include "base/base64.h"
#include "base/regular_file.h"
#include "config/kubernetes/tree.h"

#include <algorithm>
#include <array>
#include <memory>

namespace gatehouse::kubernetes {
namespace {

constexpr std::size_t max_file_bytes = 1024 * 1024;
constexpr std::size_t most_files = 100;
constexpr std::size_t most_named = 10;  // contexts told in a complaint

struct Unsupported {
  const char* key;
  const char* instead;
};
constexpr const char* impersonation = "nobody else is played: give our own user the rights, and leave this out";
constexpr const char* no_password =
    "API servers take no passwords since Kubernetes 1.19: give token, tokenFile or a client certificate";
constexpr std::array unsupported_of_user = {
    Unsupported{"exec",
                "no program is run for credentials: make a service account's token (kubectl create token) and "
                "give it as token or tokenFile, or give a client certificate"},
    Unsupported{"auth-provider", "Kubernetes has none since 1.26: give token, tokenFile or a client certificate"},
    Unsupported{"username", no_password},
    Unsupported{"password", no_password},
    Unsupported{"as", impersonation},
    Unsupported{"as-uid", impersonation},
    Unsupported{"as-groups", impersonation},
    Unsupported{"as-user-extra", impersonation},
};
constexpr std::array unsupported_of_cluster = {
    Unsupported{"proxy-url", "the API server is asked directly: leave this out, and give a server that can be reached"},
};

struct Source {
  std::string file;
  Tree tree;
};

// A cluster's, user's or context's fields, and the file they are in.
struct Entry {
  const Source* source;
  Value value;
};

bool is_given(const Value& value) { return value.given() && !(value.is_text() && value.text().empty()); }

std::string without_blanks(std::string_view text) {
  std::string kept(text);
  std::erase_if(kept, [](char c) { return c == ' ' || c == '\t' || c == '\r' || c == '\n'; });
  return kept;
}

class KubeconfigReader {
 public:
  explicit KubeconfigReader(const std::vector<KubeconfigText>& texts) {
    for (const auto& text : texts) {
      sources_.push_back(std::make_unique<Source>(Source{text.file, Tree(text.text, 1)}));
      const auto& failure = sources_.back()->tree.failure();
      if (!failure.words.empty())
        found_.problems.push_back(
            {.file = text.file, .line = failure.line, .column = failure.column, .words = failure.words});
    }
  }

  FoundAccess read(std::string context) {
    if (context.empty()) context = current_context();
    if (context.empty()) complain("no context is chosen (current-context); there are: " + names_in("contexts"));
    if (has_error(found_.problems)) return std::move(found_);
    const auto chosen = find("contexts", "context", context);
    if (!chosen) return std::move(found_);
    const auto cluster = find("clusters", "cluster", text(*chosen, "cluster"));
    const std::string user_name = text(*chosen, "user");
    const auto user = user_name.empty() ? std::nullopt : find("users", "user", user_name);
    if (has_error(found_.problems)) return std::move(found_);
    access_.own_namespace = text(*chosen, "namespace");
    access_.origin = "kubeconfig " + chosen->source->file + ", context " + context;
    read_cluster(*cluster);
    if (user) read_user(*user);
    if (has_error(found_.problems)) return std::move(found_);
    found_.access = std::move(access_);
    check(found_, problem(*cluster->source, cluster->value["server"], {}));
    return std::move(found_);
  }

 private:
  static Problem problem(const Source& source, const Value& at, std::string words) {
    return {
        .file = source.file, .line = at.line(), .column = at.column(), .object = at.path(), .words = std::move(words)};
  }
  void refuse(const Entry& entry, const Value& at, std::string words) {
    found_.problems.push_back(problem(*entry.source, at, std::move(words)));
  }
  void complain(std::string words) {
    found_.problems.push_back({.file = sources_.empty() ? "" : sources_.front()->file, .words = std::move(words)});
  }

  std::string current_context() const {
    for (const auto& source : sources_)
      if (const Value name = source->tree.root()["current-context"]; name.is_text() && !name.text().empty())
        return std::string(name.text());
    return {};
  }

  std::string names_in(std::string_view section) const {
    std::string names;
    std::size_t count = 0;
    for (const auto& source : sources_)
      for (const Value item : source->tree.root()[section])
        if (++count <= most_named) names += (names.empty() ? "" : ", ") + quoted(item["name"].text());
    if (count > most_named) names += ", …";
    return names.empty() ? "none" : names;
  }

  // The `field` of the section's item of that name in the first file that has it.
  std::optional<Entry> find(std::string_view section, std::string_view field, const std::string& name) {
    std::optional<Entry> found;
    for (const auto& source : sources_) {
      for (const Value item : source->tree.root()[section]) {
        if (!item["name"].is_text() || item["name"].text() != name) continue;
        if (found) refuse(*found, item, std::string(section) + " has " + quoted(name) + " twice");
        if (!found) found = Entry{source.get(), item[field]};
      }
      if (found) return found;
    }
    complain(std::string(section) + " has no " + quoted(name) + "; there are: " + names_in(section));
    return std::nullopt;
  }

  std::string text(const Entry& entry, std::string_view key) {
    const Value value = entry.value[key];
    if (!value.given()) return {};
    if (!value.is_text()) refuse(entry, value, "has to be a text");
    return std::string(value.text());
  }

  bool flag(const Entry& entry, std::string_view key) {
    const std::string given = text(entry, key);
    if (given == "true" || given == "True" || given == "TRUE") return true;
    if (!given.empty() && given != "false" && given != "False" && given != "FALSE")
      refuse(entry, entry.value[key], "has to be true or false");
    return false;
  }

  std::string file(const Entry& entry, std::string_view key) {
    const std::string name = text(entry, key);
    if (name.empty()) return {};
    std::string path = (std::filesystem::path(entry.source->file).parent_path() / name).string();
    const auto read = regular_file_signature(path, max_file_bytes);
    if (!read) refuse(entry, entry.value[key], path + " " + read.error().detail);
    return path;
  }

  // PEM, in base64 under `key`-data or in the file under `key`.
  TextOrFile pem(const Entry& entry, const std::string& key) {
    const std::string data = text(entry, key + "-data");
    if (data.empty()) return {.file = file(entry, key)};
    auto decoded = from_base64(without_blanks(data));
    const bool is_pem = decoded && decoded->find("-----BEGIN ") != std::string::npos;
    if (!is_pem) refuse(entry, entry.value[key + "-data"], decoded ? "is not PEM" : decoded.error().detail);
    return {.text = is_pem ? std::move(*decoded) : std::string()};
  }

  template <std::size_t count>
  void refuse_unsupported(const Entry& entry, const std::array<Unsupported, count>& keys) {
    for (const auto& [key, instead] : keys)
      if (is_given(entry.value[key])) refuse(entry, entry.value[key], std::string("is not supported: ") + instead);
  }

  void read_cluster(const Entry& cluster) {
    refuse_unsupported(cluster, unsupported_of_cluster);
    access_.server = text(cluster, "server");
    if (access_.server.empty()) refuse(cluster, cluster.value, "has no server");
    access_.ca = pem(cluster, "certificate-authority");
    access_.insecure = flag(cluster, "insecure-skip-tls-verify");
    access_.server_name = text(cluster, "tls-server-name");
    access_.compression = !flag(cluster, "disable-compression");
  }

  void read_user(const Entry& user) {
    refuse_unsupported(user, unsupported_of_user);
    access_.certificate = pem(user, "client-certificate");
    access_.key = pem(user, "client-key");
    access_.token.file = file(user, "tokenFile");
    if (access_.token.file.empty()) access_.token.text = without_blanks(text(user, "token"));
  }

  std::vector<std::unique_ptr<Source>> sources_;
  FoundAccess found_;
  Access access_;
};

}  // namespace

FoundAccess from_kubeconfig(const std::vector<KubeconfigText>& texts, const std::string& context) {
  return KubeconfigReader(texts).read(context);
}

FoundAccess from_kubeconfig_files(const std::vector<std::string>& files, const std::string& context) {
  std::vector<KubeconfigText> texts;
  std::vector<Problem> problems;
  for (const auto& file : files) {
    std::error_code unknown;
    if (files.size() > 1 && !std::filesystem::exists(file, unknown)) continue;
    auto read = read_regular_file(file, max_file_bytes);
    if (read) texts.push_back({file, std::move(read->text)});
    if (!read) problems.push_back({.file = file, .words = read.error().detail});
  }
  if (texts.empty() && problems.empty()) problems.push_back({.words = "none of the kubeconfig files exists"});
  if (!problems.empty()) return {std::nullopt, std::move(problems)};
  return from_kubeconfig(texts, context);
}

std::vector<std::string> kubeconfig_files(std::string_view variable) {
  std::vector<std::string> files;
  while (!variable.empty() && files.size() < most_files) {
    const std::size_t end = std::min(variable.find(':'), variable.size());
    if (end > 0) files.emplace_back(variable.substr(0, end));
    variable.remove_prefix(std::min(end + 1, variable.size()));
  }
  return files;
}

}  // namespace gatehouse::kubernetes
