# From the first finding back to the beginning, one cause at a time:  jq -srf back.jq trace.jsonl
INDEX(.id // empty) as $event
| first(.[] | select(.event == "finding"))
| recurse($event[(.cause // .sent // empty) | tostring] // empty)
| "\(.id)\t\(.at / 1e6) ms\t\(.node)\t\(.event)\t\(del(.id, .at, .node, .event, .cause) | tojson)"
