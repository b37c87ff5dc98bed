import re

def render(template, values):
    for m in re.findall(r"{#(.*?)}(.*){/#}", template):
        text = ""
        for item in values[m[0]]:
            text += render(m[1], item)
        template = template.replace("{#" + m[0] + "}" + m[1] + "{/#}", text)
    for name in values:
        template = template.replace("{" + name + "}", str(values[name]))
        template = template.replace("{!" + name + "}", values[name])
    return template
