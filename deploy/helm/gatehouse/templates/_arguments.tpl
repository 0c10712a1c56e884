{{/* `additionalArguments`: Traefik's flags that mean the same here become --set; gatehouse's own come through. */}}

{{/* JSON: {"set": "key=value"}, {"note": words} or {"error": words} of one argument. */}}
{{- define "gatehouse.argument" -}}
{{- $argument := trim . -}}
{{- $flag := regexReplaceAll "^-{1,2}" $argument "" -}}
{{- $key := regexFind "^[^=]+" $flag | lower -}}
{{- $value := "true" -}}
{{- if contains "=" $flag -}}{{- $value = regexReplaceAll "^[^=]*=" $flag "" -}}{{- end -}}
{{- $same := list
  `entrypoints\.[^.]+\.(address|asdefault)`
  `entrypoints\.[^.]+\.http\.(tls|tls\.certresolver|tls\.domains\[[0-9]+\]\.(main|sans)|maxheaderbytes|maxtargetbytes|maxheaderfields)`
  `entrypoints\.[^.]+\.http\.redirections\.entrypoint\.(to|scheme|permanent)`
  `entrypoints\.[^.]+\.transport\.(keepalivemaxrequests|lifecycle\.(requestacceptgracetimeout|gracetimeout))`
  `entrypoints\.[^.]+\.transport\.respondingtimeouts\.(idletimeout|handshaketimeout|headtimeout|bodyidletimeout|writeidletimeout|tunnelidletimeout|tcpidletimeout|snifftimeout|proxyheadertimeout)`
  `entrypoints\.[^.]+\.(proxyprotocol|forwardedheaders)\.(trustedips|insecure)`
  `certificatesresolvers\.[^.]+\.(internal|internal\.storage)`
  `certificatesresolvers\.[^.]+\.acme\.(email|caserver|keytype|preferredchain|profile|cacertificates|disablecommonname|eab\.(kid|hmacencoded))`
  `certificatesresolvers\.[^.]+\.acme\.(httpchallenge\.entrypoint|tlschallenge)`
  `certificatesresolvers\.[^.]+\.acme\.dnschallenge\.(resolvers|followcname|propagation\.[a-z]+|(rfc2136|exec|webhook)\.[a-z0-9]+)`
  `serverstransport\.(insecureskipverify|rootcas|forwardingtimeouts\.(dialtimeout|responseheadertimeout|idleconntimeout|answeridletimeout))`
  `log\.(level|format|filepath)`
  `accesslog(\.(format|filepath))?`
  `(ping|metrics\.prometheus|api|api\.dashboard)`
  `providers\.kubernetesingress\.(allowexternalnameservices|labelselector)`
-}}
{{- $ignored := dict
  `global\..*` "nothing is ever sent to anyone"
  `providers\.kubernetes(ingress|crd)` "Ingress and IngressRouteTCP objects are always watched"
  `providers\.kubernetes(ingress|crd)\.(allowemptyservices|throttleduration|strictprefixmatching|disableingressclasslookup)` "it behaves so without the flag, or better (docs/migrating_from_traefik.md)"
  `entrypoints\.[^.]+\.transport\.respondingtimeouts\.(readtimeout|writetimeout)` "transfers that move are never limited; headTimeout, bodyIdleTimeout and writeIdleTimeout limit those that stand still"
  `entrypoints\.[^.]+\.(reuseport|allowacmebypass|http\.sanitizepath|http\.encodedcharacters\..*)` "it is always so, or never needed"
  `certificatesresolvers\.[^.]+\.acme\.storage` "certificates are kept where the value acmeStorage says"
  `api\.insecure` "the admin entry point has the API; reach it with kubectl port-forward"
  `metrics\.prometheus\.(entrypoint|addentrypointslabels|addrouterslabels|addserviceslabels|buckets)` "metrics are on the admin entry point with fixed labels"
-}}
{{- $refused := dict
  `providers\.kubernetes(ingress|crd)\.namespaces` "use the value providers.kubernetesIngress.namespaces, from which the access rights follow"
  `providers\.kubernetes(ingress|crd)\.ingressclass` "use the value ingressClass.name or ingressClass.accept"
  `providers\.kubernetesingress\.ingressendpoint\..*` "use the values providers.kubernetesIngress.publishedService or ingressEndpoint"
  `providers\.kubernetescrd\.allowexternalnameservices` "use the value providers.kubernetesIngress.allowExternalNameServices, which is for both"
  `certificatesresolvers\.[^.]+\.acme\.dnschallenge\.provider` "use rfc2136, exec or webhook (docs/certificates.md)"
  `providers\.kubernetesingress\.disableclusterscoperesources` "use the value providers.kubernetesIngress.namespaces, for which Roles are enough"
  `entrypoints\.(traefik|metrics)\..*` "the admin entry point is set by the value ports.admin"
  `entrypoints\.[^.]+\.http\.middlewares` "there are no middlewares: what asks for one is refused, never served without it"
-}}
{{- $result := dict -}}
{{- if regexMatch "^set=" (lower $flag) -}}
{{- $setting := regexReplaceAll "^[^=]*=" $flag "" -}}
{{- if regexMatch "^providers\\.kubernetes\\.(namespaces|publishedservice|updatestatus|events|ticketkeyssecret|leaderelection\\..*)(\\[[0-9]+\\])?=" (lower $setting) -}}
{{- $result = dict "error" (printf "%s: use the value providers.kubernetes, from which the access rights follow" $argument) -}}
{{- else -}}
{{- $result = dict "set" $setting -}}
{{- end -}}
{{- else -}}
{{- range $same -}}{{- if regexMatch (printf "^%s$" .) $key -}}{{- $result = dict "set" (printf "%s=%s" (regexFind "^[^=]+" $flag) $value) -}}{{- end -}}{{- end -}}
{{- range $pattern, $words := $ignored -}}{{- if regexMatch (printf "^%s$" $pattern) $key -}}{{- $result = dict "note" (printf "%s is left out: %s" $argument $words) -}}{{- end -}}{{- end -}}
{{- range $pattern, $words := $refused -}}{{- if regexMatch (printf "^%s$" $pattern) $key -}}{{- $result = dict "error" (printf "%s: %s" $argument $words) -}}{{- end -}}{{- end -}}
{{- if and $result.set (hasPrefix "providers." $key) -}}{{- $result = dict "set" (printf "providers.kubernetes.%s=%s" (regexFind "[^.]+$" $key) $value) -}}{{- end -}}
{{- if not $result -}}
{{- $result = dict "error" (printf "%s: gatehouse has no such flag. Settings of docs/configuration.md go into the value `config`, or here as --set=key=value" $argument) -}}
{{- end -}}
{{- end -}}
{{- $result | toJson -}}
{{- end -}}

{{/* JSON: {list: [argument results]}, globalArguments too. */}}
{{- define "gatehouse.arguments" -}}
{{- $results := list -}}
{{- range concat (default list .Values.globalArguments) (default list .Values.additionalArguments) -}}
{{- $results = append $results (include "gatehouse.argument" (toString .) | fromJson) -}}
{{- end -}}
{{- dict "list" $results | toJson -}}
{{- end -}}
