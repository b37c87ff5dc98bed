def price(parcel):
    w = parcel["grams"]
    if parcel["zone"] == "domestic":
        if w < 500:
            p = 390
        elif w < 2000:
            p = 549
        elif w < 10000:
            p = 749
        else:
            p = 1049
    elif parcel["zone"] == "eu":
        if w < 500:
            p = 900
        else:
            p = 900 + (w - 500) // 500 * 150
    else:
        p = 1500 + w // 250 * 125
    if parcel.get("express"):
        p = p + p * 40 // 100
    if parcel.get("insured"):
        p = p + 200
    return p
