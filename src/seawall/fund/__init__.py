"""Fund: the machine that owns the layers. It knows no trader's account.

Layer    fund; imports rules, design, amounts. `decide` reads, `apply` is the only mutator (docs/architecture.md).
Not here positions, prices, liquidation: a venue posts what it took and what it lacks, through messages (fund.messages).
"""
