// Manifest text to objects to a snapshot, as the operator's file and as an API server's objects: never throws, and the
// same text gives the same table, also when it comes in two parts.
#include "config/kubernetes/manifest.h"
#include "config/kubernetes/cluster_store.h"
#include "config/translation.h"
#include "tests/fuzz/promise.h"

namespace {

using namespace gatehouse;

const TranslationInput& input() {
  static const TranslationInput made = [] {
    TranslationInput translation;
    for (const char* name : {"web", "ssh"}) {
      EntryPointInput entry;
      entry.entry_point.name = name;
      translation.entry_points.push_back(std::move(entry));
    }
    translation.kubernetes.shared_hosts = false;
    return translation;
  }();
  return made;
}

std::string tables(const Snapshot& snapshot) {
  std::string text;
  for (const auto& entry_point : snapshot.entry_points) text += entry_point->http->print() + entry_point->tcp->print();
  return text;
}

// The objects of a cluster come in two parts.
void promise_amended(std::vector<kubernetes::Object> given, std::size_t first_part) {
  kubernetes::ClusterStore cluster;
  const std::vector<TranslationSource> sources{{&cluster.objects(), &input().kubernetes, nullptr}};
  Translator translator;
  std::optional<Translation> amended;
  const std::size_t middle = given.empty() ? 0 : first_part % given.size();
  for (std::size_t i = 0; i < given.size(); ++i) {
    if (i == middle) {
      translator.translate(sources, input(), {});
      cluster.take_touched();
    }
    cluster.put(std::move(given[i]));
  }
  amended = translator.amend(sources, input(), {}, cluster.take_touched());
  if (!amended) return;
  const Translation whole = translate(sources, input(), {});
  promise(tables(*amended->snapshot) == tables(*whole.snapshot), "a part comes to the same as all");
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  auto parsed = kubernetes::parse_manifest(as_text(data, size), "fuzz.yaml");
  promise(parsed.problems.size() <= kubernetes::most_problems, "problems are bounded");
  kubernetes::ClusterObjects objects;
  for (const auto& object : parsed.objects) objects.put(object);
  for (const ProviderRules* rules : {&input().manifests, &input().kubernetes}) {
    const std::vector<TranslationSource> sources{{&objects, rules, nullptr}};
    Translator translator;
    const Translation first = translator.translate(sources, input(), {});
    const Translation second = translator.translate(sources, input(), {});
    promise(first.snapshot && second.snapshot, "there is always a snapshot");
    promise(tables(*first.snapshot) == tables(*second.snapshot), "memory changes nothing");
  }
  promise_amended(std::move(parsed.objects), size);
  return 0;
}
