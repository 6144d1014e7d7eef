//! Examples below the help of commands.

pub(super) const DEMO: &str = "\
Examples:
  quotelake demo
  quotelake demo --lake /data/lake --out report.html";

pub(super) const RUN: &str = "\
Examples:
  quotelake doctor --config samples/run/polygon.yaml
  quotelake run --config samples/run/polygon.yaml
  quotelake run --config samples/run/polygon.yaml --lake /data/lake";

pub(super) const LOAD: &str = "\
Examples:
  quotelake load --contract orders.yaml orders.csv
  quotelake load --dataset orders inbox/*.csv
  quotelake load --dataset daily_bars --profile yahoo-csv --set exchange_mic=XLON --set quote_unit=GBp FTSE/*.csv";

pub(super) const STATUS: &str = "\
Examples:
  quotelake status
  quotelake status --symbols AAPL,MSFT
  quotelake status --lake s3://bucket";

pub(super) const DOCTOR: &str = "\
Examples:
  quotelake doctor --config samples/run/polygon.yaml
  quotelake doctor --lake /data/lake";

pub(super) const CHECK: &str = "\
Examples:
  quotelake check --contract orders.yaml orders.csv
  quotelake check --rules bars.dqdl bars/";

pub(super) const QUERY: &str = "\
Examples:
  quotelake query \"select symbol, max(trading_date) from daily_bars group by symbol\"
  quotelake --json query \"select * from splits\"";

pub(super) const REPORT: &str = "\
Examples:
  quotelake report
  quotelake report --lake /data/lake --out report.html";

pub(super) const RULES_TEST: &str = "\
Examples:
  quotelake rules test orders.dqdl --contract orders.yaml --data orders.csv
  quotelake rules test bars.dqdl --data bars/";

pub(super) const DLQ: &str = "\
Examples:
  quotelake dlq ls
  quotelake dlq show --queue check
  quotelake dlq redrive --queue check --dry-run";

pub(super) const QUARANTINE: &str = "\
Examples:
  quotelake quarantine ls --dataset orders
  quotelake quarantine ls --since 2026-11-01 --csv > refused.csv

\"good by now\" says whether a row of the same business key is published.";

pub(super) const WARNINGS: &str = "\
Examples:
  quotelake warnings ls
  quotelake warnings ls --dataset daily_bars --flag outlier_return
  quotelake warnings ls --since 2026-11-01 --csv > flagged.csv";

pub(super) const COMPLETIONS: &str = "\
Examples:
  quotelake completions bash > ~/.local/share/bash-completion/completions/quotelake
  quotelake completions zsh > \"${fpath[1]}/_quotelake\"
  quotelake completions fish > ~/.config/fish/completions/quotelake.fish";
