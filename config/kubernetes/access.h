// Access: where an API server is and as whom it is asked; a value, made once from what says so: the pod this runs in, a
// kubeconfig, or an endpoint in the settings. ◦ Files named by it are read again while it is in use (credentials.h),
// because tokens and certificates are replaced under a running program.
#pragma once

#include "config/problem.h"

#include <filesystem>
#include <map>
#include <optional>
#include <string>
#include <vector>

namespace gatehouse::kubernetes {

// A text, or the file that holds it.
struct TextOrFile {
  std::string text = {};
  std::string file = {};

  bool given() const { return !text.empty() || !file.empty(); }
  bool operator==(const TextOrFile&) const = default;
};

struct Access {
  std::string server;  // https://HOST:PORT, perhaps with a path; no slash at its end
  TextOrFile ca = {};  // roots to trust, PEM; not given: the system's
  bool insecure = false;  // any certificate is accepted
  std::string server_name = {};  // what the certificate has to say instead of the server's name or address
  TextOrFile token = {};
  TextOrFile certificate = {}, key = {};  // client certificate, PEM; both or none
  bool compression = true;
  std::string own_namespace = {};  // empty: not known
  std::string origin = {};  // for people: "the cluster this runs in"

  bool operator==(const Access&) const = default;
};

struct FoundAccess {
  std::optional<Access> access;  // null when there is an error among the problems
  std::vector<Problem> problems = {};
};

using Environment = std::map<std::string, std::string>;

inline constexpr const char* service_account_folder = "/var/run/secrets/kubernetes.io/serviceaccount";

// A pod's own: KUBERNETES_SERVICE_HOST and _PORT, and its service account's files.
FoundAccess in_cluster(const Environment& environment, const std::filesystem::path& folder = service_account_folder);

// What settings may say (Traefik's `endpoint`, `token`, `certAuthFilePath`, and our `kubeconfig`, `context`).
struct AccessWishes {
  std::string endpoint = {};
  std::string token = {};  // empty: the service account's, if this is a pod
  std::string cert_auth_file = {};  // empty: the service account's, else the system's roots
  std::string kubeconfig = {};
  std::string context = {};
};

// The kubeconfig or endpoint wished for; else the cluster this runs in; else $KUBECONFIG.
FoundAccess find_access(const AccessWishes& wishes, const Environment& environment,
                        const std::filesystem::path& folder = service_account_folder);

// Whether what is secret may be sent there: over TLS, or to this machine.
bool may_carry_secrets(const std::string& server);

// The last look at an access, whoever made it. `at`: where problems are to point; its words and severity do not matter.
void check(FoundAccess& found, const Problem& at);

}  // namespace gatehouse::kubernetes
