from datetime import date, timedelta

def add_months(day, months):
    d = date.fromisoformat(day)
    return date(d.year + (d.month + months) // 12, (d.month + months) % 12, d.day).isoformat()

def billing_dates(start, count):
    dates = [start]
    while len(dates) < count:
        dates.append(add_months(dates[-1], 1))
    return dates

def months_between(first, second):
    a, b = date.fromisoformat(first), date.fromisoformat(second)
    return (b.year - a.year) * 12 + b.month - a.month

def days_left(start, today):
    a, t = date.fromisoformat(start), date.fromisoformat(today)
    return (date(t.year, t.month + 1, a.day) - t).days
