module llm-ops/tests/cluster/aibrix

go 1.24

require github.com/vllm-project/aibrix v0.3.0
