-- How deliveries went, by day and carrier.
select
    s.shipped_on,
    s.carrier,
    count(*) as shipments,
    sum(case when s.delivered_on > s.shipped_on + interval '5' day then 1 else 0 end) as late,
    sum(case when s.delivered_on is null then 1 else 0 end) as undelivered
from shipments s
group by s.shipped_on, s.carrier
