-- What was sold, by month and product.
select
    cast(date_trunc('month', o.ordered_on) as date) as month_start,
    o.product,
    o.currency,
    count(distinct o.order_id) as orders,
    sum(o.quantity) as quantity,
    cast(sum(cast(o.unit_price as decimal(19,2)) * cast(o.quantity as decimal(12,0))) as decimal(24,2)) as revenue
from orders o
group by cast(date_trunc('month', o.ordered_on) as date), o.product, o.currency
