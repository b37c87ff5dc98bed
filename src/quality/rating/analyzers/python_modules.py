"""Top-level names of Python packages that are published and widely used: what an import may be of, beside the standard library."""

KNOWN_MODULES = frozenset("""
accelerate aiofiles aiohttp aiokafka aioredis aiosqlite alembic altair anthropic anyio apscheduler arq asgiref asyncpg attr attrs authlib autogen babel backoff bcrypt bentoml bitsandbytes
bleach blinker bokeh boto3 botocore bs4 cachetools celery certifi chardet charset_normalizer chromadb click cloudpickle colorama colorlog confluent_kafka coverage cryptography cupy cv2
dash dask databases dateparser dateutil decouple deepspeed diffusers diskcache django dns docker docutils dotenv duckdb einops elasticsearch email_validator evaluate faiss faker fastapi
fastapi_cache fastapi_limiter fastapi_utils filelock fire flask flask_cors flask_login flask_sqlalchemy freezegun fsspec gevent google googleapiclient gradio graphene grpc gunicorn h11 h5py
hiredis httptools httpx huggingface_hub hydra hypercorn hypothesis imageio imagehash influxdb_client itsdangerous jax jinja2 joblib jose jsonschema jwt kafka keras kombu kubernetes langchain
lightgbm locust loguru lxml magic markdown markupsafe marshmallow matplotlib mlflow mock mongoengine more_itertools motor msgpack multipart multidict mypy_extensions mysql nacl ndjson
networkx nltk numba numexpr numpy oauthlib omegaconf onnx onnxruntime openai openpyxl opentelemetry optimum optuna orjson overrides pandas paramiko passlib peewee peft pika PIL pillow_heif
pip platformdirs playwright plotly pluggy polars pony prometheus_client prometheus_fastapi_instrumentator prompt_toolkit psutil psycopg psycopg2 pyarrow pydantic pydantic_settings pydub
pygments pymongo pymysql pyparsing pytest pytest_asyncio pythonjsonlogger pytorch_lightning pytz pywt qdrant_client redis regex requests requests_mock responses rest_framework rich ruamel
safetensors sanic schedule scipy seaborn selenium sentencepiece sentry_sdk serial setproctitle setuptools shapely simplejson six skimage sklearn slowapi sniffio socketio sortedcontainers
soundfile spacy sqlalchemy sqlmodel starlette starlette_exporter starlette_prometheus statsmodels streamlit stripe structlog sympy tabulate tenacity tensorboard tensorflow tensorrt termcolor
textual tiktoken timm tinydb tokenizers toml tomli toolz torch torchaudio torchmetrics torchvision tornado tortoise tqdm transformers triton trio typeguard typer typing_extensions tzdata
tzlocal ujson urllib3 uvicorn uvloop validators wand watchdog watchfiles weasyprint websocket websockets werkzeug wrapt xgboost xlrd xlsxwriter yaml yarl zmq zstandard
""".split())
