"""Report: what two logs say, as tables, charts, a page, a terminal's lines, and the story of one account.

Layer    report; imports amounts, design, fund. Reads a run folder, whoever wrote it; never the venue or stress
         packages. reading reads, tables flatten, charts (with drawing, thinning) draw, page and comparison write HTML,
         terminal writes text, explain answers for one account, folder fills a run folder.
Not here deciding anything: every figure is a fact of a log, added up in integers.
Held to  this by import-linter and tests/report/.
"""
