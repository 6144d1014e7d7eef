-- The legacy database that samples/migrate/mapping.yaml maps, as such databases are: padded symbols, a timestamp without
-- time zone, an amount of type money.
CREATE SCHEMA legacy;
CREATE TABLE legacy.daily_prices (
    symbol char(8) NOT NULL,
    mic text NOT NULL,
    trade_date date NOT NULL,
    open_price numeric(18,6),
    high_price numeric(18,6),
    low_price numeric(18,6),
    close_price numeric,
    volume numeric(24,4),
    loaded_at timestamp NOT NULL DEFAULT '2020-01-02 03:04:05.678',
    PRIMARY KEY (symbol, trade_date)
);
CREATE TABLE legacy.dividends (
    id bigint PRIMARY KEY,
    symbol char(8) NOT NULL,
    mic text NOT NULL,
    ex_date date NOT NULL,
    paid_on date,
    amount money NOT NULL
);
