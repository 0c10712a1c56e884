// Manifest text to objects to a snapshot, as the operator's file and as an API server's objects: never throws, and the
// same text gives the same table.
#include "config/kubernetes/manifest.h"
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

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  auto parsed = kubernetes::parse_manifest(as_text(data, size), "fuzz.yaml");
  promise(parsed.problems.size() <= kubernetes::most_problems, "problems are bounded");
  kubernetes::ClusterObjects objects;
  for (auto& object : parsed.objects) objects.put(std::move(object));
  for (const ProviderRules* rules : {&input().manifests, &input().kubernetes}) {
    const std::vector<TranslationSource> sources{{&objects, rules, nullptr}};
    const Translation first = translate(sources, input(), {});
    const Translation second = translate(sources, input(), {}, &first);
    promise(first.snapshot && second.snapshot, "there is always a snapshot");
    promise(tables(*first.snapshot) == tables(*second.snapshot), "memory changes nothing");
  }
  return 0;
}
