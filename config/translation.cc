#include "config/translation.h"

#include "config/certificate_choice.h"
#include "config/entry_point_choice.h"
#include "config/ingress_translation.h"
#include "config/tcp_translation.h"

#include <algorithm>

namespace gatehouse {

namespace {

// A table with the list it was made of, so that an equal list gets the same table.
template <class Table, class Route>
struct Made {
  std::vector<Route> list;
  std::shared_ptr<const Table> table;
};
using MadeHttp = Made<RouteTable, HttpRoutePtr>;
using MadeTcp = Made<TcpRouteTable, TcpRoutePtr>;

template <class Table, class Route>
const Made<Table, Route>* find_made(const std::vector<Made<Table, Route>>& tables, const std::vector<Route>& list) {
  const auto found = std::find_if(tables.begin(), tables.end(), [&](const auto& made) { return made.list == list; });
  return found == tables.end() ? nullptr : &*found;
}

// `made`: this translation's so far; `known`: the previous one's.
template <class Table, class Route>
std::shared_ptr<const Table> table_of(std::vector<Route> list, std::vector<Made<Table, Route>>& made,
                                      const std::vector<Made<Table, Route>>& known) {
  if (const auto* same = find_made(made, list)) return same->table;
  const auto* before = find_made(known, list);
  auto table = before != nullptr ? before->table : std::make_shared<const Table>(list);
  made.push_back(Made<Table, Route>{std::move(list), table});
  return table;
}

}  // namespace

struct TranslationMemory {
  std::vector<SourceMemory> sources;
  std::vector<MadeHttp> http_tables;
  std::vector<MadeTcp> tcp_tables;
  tls::CertificateStore::Contents contents;
  std::shared_ptr<const tls::CertificateStore> store;
};

namespace {

std::vector<std::shared_ptr<const EntryPoint>> make_entry_points(const TranslationInput& input,
                                                                 std::vector<std::vector<HttpRoutePtr>> http,
                                                                 std::vector<std::vector<TcpRoutePtr>> tcp,
                                                                 const TranslationMemory& known,
                                                                 TranslationMemory& memory) {
  http.resize(input.entry_points.size());
  tcp.resize(input.entry_points.size());
  std::vector<std::shared_ptr<const EntryPoint>> entry_points;
  for (std::size_t i = 0; i < input.entry_points.size(); ++i) {
    auto entry_point = std::make_shared<EntryPoint>(input.entry_points[i].entry_point);
    entry_point->http = table_of(std::move(http[i]), memory.http_tables, known.http_tables);
    entry_point->tcp = table_of(std::move(tcp[i]), memory.tcp_tables, known.tcp_tables);
    entry_points.push_back(std::move(entry_point));
  }
  return entry_points;
}

void choose_store(CertificateChoice& certificates, const TranslationMemory& known, TranslationMemory& memory) {
  memory.contents = certificates.contents();
  memory.store = known.store && same_contents(memory.contents, known.contents)
                     ? known.store
                     : std::make_shared<const tls::CertificateStore>(memory.contents);
}

void sort_by_place(std::vector<Problem>& problems) {
  std::stable_sort(problems.begin(), problems.end(), [](const Problem& a, const Problem& b) {
    return std::tie(a.file, a.line) < std::tie(b.file, b.line);
  });
  problems.erase(std::unique(problems.begin(), problems.end()), problems.end());
}

// An object of ten thousand mistakes is not to drown the others' few. Of files, which are the operator's, all is told.
void tell_few_of_each(std::vector<Problem>& problems) {
  constexpr std::size_t most = 20;
  std::unordered_map<std::string_view, std::size_t> counts;  // views into `kept`, which stays where it is
  std::vector<Problem> kept;
  kept.reserve(problems.size());
  for (Problem& problem : problems) {
    const bool limited = problem.file.empty() && !problem.object.empty();
    if (limited && counts.contains(problem.object) && counts[problem.object] >= most) {
      ++counts[problem.object];
      continue;
    }
    kept.push_back(std::move(problem));
    if (limited) ++counts[kept.back().object];
  }
  const std::size_t whole = kept.size();
  for (const auto& [object, count] : counts)
    if (count > most && whole < kept.capacity())
      kept.push_back({"",
                      0,
                      0,
                      Severity::warning,
                      std::string(object),
                      "and " + std::to_string(count - most) + " problems more",
                      {}});
  std::sort(kept.begin() + static_cast<std::ptrdiff_t>(whole), kept.end(),
            [](const Problem& a, const Problem& b) { return a.object < b.object; });
  problems = std::move(kept);
}

// What remains of the sources when everything else is done.
void take_leave(std::deque<SourceParts>& sources, TranslationMemory& memory, Translation& translation) {
  std::set<std::string> names;
  for (SourceParts& source : sources) {
    source.services.forget_superseded();
    names.insert(source.services.names_in_use().begin(), source.services.names_in_use().end());
    source.next.secrets_in_use = source.secrets.names_in_use(source.known.secrets_in_use);
    translation.secrets_in_use.push_back(source.next.secrets_in_use);
    source.next.secrets = source.secrets.take_memory();
    memory.sources.push_back(std::move(source.next));
  }
  translation.names_to_resolve.assign(names.begin(), names.end());
}

}  // namespace

Translation translate(const std::vector<TranslationSource>& given, const TranslationInput& input,
                      const ResolvedNames& resolved, const Translation* previous) {
  const TranslationMemory nothing;
  const TranslationMemory& known = previous != nullptr && previous->memory ? *previous->memory : nothing;
  auto memory = std::make_shared<TranslationMemory>();
  Translation translation;

  HostOwners owners;
  const std::vector<SourceMemory> strangers(given.size());
  std::deque<SourceParts> sources;
  for (std::size_t i = 0; i < given.size(); ++i) {
    const auto& [objects, rules, awaited] = given[i];
    const SourceMemory& before = i < known.sources.size() ? known.sources[i] : strangers[i];
    KnownServices& services = *before.services;
    const HostRights rights{rules->host_claims.get(), rules->shared_hosts ? nullptr : &owners, i};
    sources.push_back({*objects,
                       *rules,
                       before,
                       {},
                       ClassFilter(*objects, rules->classes),
                       rights,
                       ServiceFinder(given[i], input, resolved, services, translation.problems),
                       SecretFinder(*objects, awaited, rights, before.secrets)});
    sources.back().next.services = before.services;
  }
  const EntryPointChoice entry_points(input.entry_points);
  CertificateChoice certificates(input);
  CertificateWishes wishes(input, certificates);
  const TranslationParts parts{input, entry_points, sources, owners, certificates, wishes, translation.problems};

  if (previous != nullptr) wishes.expect(previous->certificate_requests.size());
  wishes.of_entry_points();
  const std::vector<Turn> order = draft_ingresses(parts);
  TcpTranslation tcp = translate_tcp(parts);
  IngressTranslation http = translate_ingresses(parts, order, tcp.claimed);

  auto snapshot = std::make_shared<Snapshot>();
  snapshot->generation = previous != nullptr && previous->snapshot ? previous->snapshot->generation + 1 : 1;
  snapshot->entry_points = make_entry_points(input, std::move(http.lists), std::move(tcp.lists), known, *memory);
  certificates.settle(wishes.requests());
  choose_store(certificates, known, *memory);
  snapshot->certificates = memory->store;
  if (input.challenges) snapshot->challenges = input.challenges;

  take_leave(sources, *memory, translation);
  sort_by_place(translation.problems);
  tell_few_of_each(translation.problems);
  translation.certificate_requests = wishes.take_requests();
  translation.snapshot = std::move(snapshot);
  translation.memory = std::move(memory);
  return translation;
}

}  // namespace gatehouse
