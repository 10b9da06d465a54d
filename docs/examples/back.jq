# From the first finding back to the beginning, one cause at a time:  jq -srf back.jq trace.jsonl
# From another event:                                                 jq -srf back.jq --arg id 214 trace.jsonl
INDEX(.id // empty) as $event
| first($event[$ARGS.named.id // ""] // empty, (.[] | select(.event == "finding")))
| recurse($event[(.cause // .sent // empty) | tostring] // empty)
| "\(.id)\t\(.at / 1e6) ms\t\(.node)\t\(.event)\t\(del(.id, .at, .node, .event, .cause) | tojson)"
